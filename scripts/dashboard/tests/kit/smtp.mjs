/** An SMTP server that does what the test says. */

import { createRequire } from "node:module";

// It has no types.
const { SMTPServer } = createRequire(import.meta.url)("smtp-server");

/** @param {number} code @param {string} message */
const refusal = (code, message) => Object.assign(new Error(message), { responseCode: code });

export class Smtp {
  /** Every mail taken. @type {string[]} */
  mails = [];
  refusesLogin = false;
  /** What its recipients match is refused with 550. @type {RegExp | null} */
  refusesRecipients = null;
  #holds = false;
  /** @type {(() => void)[]} */
  #held = [];
  port = 0;

  constructor() {
    this.server = new SMTPServer({
      disabledCommands: ["STARTTLS"],
      allowInsecureAuth: true,
      authOptional: true,
      closeTimeout: 100,
      logger: false,
      onAuth: (/** @type {any} */ auth, /** @type {any} */ _, /** @type {any} */ done) =>
        this.refusesLogin
          ? done(refusal(535, "5.7.8 wrong credentials"))
          : done(null, { user: auth.username }),
      onRcptTo: (/** @type {any} */ to, /** @type {any} */ _, /** @type {any} */ done) =>
        done(
          this.refusesRecipients?.test(to.address) ? refusal(550, "5.1.1 mailbox does not exist") : undefined,
        ),
      onData: (/** @type {any} */ stream, /** @type {any} */ _, /** @type {any} */ done) => {
        /** @type {Buffer[]} */
        const parts = [];
        stream.on("data", (/** @type {Buffer} */ part) => parts.push(part));
        stream.on("end", () => {
          this.mails.push(Buffer.concat(parts).toString());
          if (this.#holds) this.#held.push(done);
          else done();
        });
      },
    });
    this.server.on("error", () => {
      // A client that is killed leaves in the middle of a word.
    });
  }

  static async start() {
    const smtp = new Smtp();
    await new Promise((resolve) => smtp.server.listen(0, "127.0.0.1", () => resolve(null)));
    smtp.port = smtp.server.server.address().port;
    return smtp;
  }

  /** From now on no mail is answered, until `release`. */
  hold() {
    this.#holds = true;
  }

  release() {
    this.#holds = false;
    for (const done of this.#held.splice(0)) done();
  }

  async close() {
    this.release();
    await new Promise((resolve) => this.server.close(() => resolve(null)));
  }
}
