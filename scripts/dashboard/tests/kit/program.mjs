/** Programs under test: their log lines, awaited, and their end. */

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** How long anything that must happen may take, ms. */
export const LIMIT = 20_000;

/** @type {Set<import("node:child_process").ChildProcess>} */
const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) process.on(signal, () => process.exit(1));

/** A setting of the environment that scripts/test-dashboard makes. @param {string} name */
export function setting(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the tests by scripts/test-dashboard`);
  return value;
}

/** Rejects when `what` has not come within the limit. @template T @param {string} what @param {Promise<T>} wanted @returns {Promise<T>} */
export async function within(what, wanted, limit = LIMIT) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${limit / 1000} s`)), limit);
  });
  try {
    return /** @type {T} */ (await Promise.race([wanted, late]));
  } finally {
    clearTimeout(timer);
  }
}

/** A running program; both its outputs are its log. */
export class Program {
  /** @type {string[]} */
  lines = [];
  /** @type {Set<() => void>} */
  #waiting = new Set();

  /**
   * With an environment of `PATH`, `HOME` and what is given here.
   *
   * @param {string} path @param {string[]} args
   * @param {{ cwd: string, env?: Record<string, string> }} where
   */
  constructor(path, args, { cwd, env = {} }) {
    this.name = path.split("/").at(-1) ?? path;
    const { PATH = "", HOME = "/" } = process.env;
    this.child = spawn(path, args, { cwd, env: { PATH, HOME, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    running.add(this.child);
    for (const output of [this.child.stdout, this.child.stderr]) {
      createInterface(output).on("line", (line) => {
        this.lines.push(line);
        this.#wake();
      });
    }
    /** @type {boolean} */
    this.hasEnded = false;
    /** Resolves when it has ended and its log is complete. @type {Promise<void>} */
    this.ended = new Promise((resolve) => {
      const end = () => {
        this.hasEnded = true;
        running.delete(this.child);
        this.#wake();
        resolve();
      };
      this.child.on("close", end);
      this.child.on("error", (error) => {
        this.lines.push(String(error));
        end();
      });
    });
  }

  #wake() {
    for (const wake of this.#waiting) wake();
  }

  /**
   * The first line, from number `from` on, that `wanted` takes; waited for.
   *
   * @template T
   * @param {string} what @param {(line: string) => T | null | undefined | false} wanted
   * @returns {Promise<T>}
   */
  async line(what, wanted, from = 0) {
    let next = from;
    /** @type {() => void} */
    let wake = () => {};
    const found = new Promise((resolve, reject) => {
      wake = () => {
        while (next < this.lines.length) {
          const it = wanted(this.lines[next++]);
          if (it) return resolve(it);
        }
        if (this.hasEnded) reject(new Error(`${this.name} ended before ${what}`));
      };
      this.#waiting.add(wake);
      wake();
    });
    try {
      return /** @type {T} */ (await within(`${what} of ${this.name}`, found));
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : error}; its log ends:\n${this.tail()}`);
    } finally {
      this.#waiting.delete(wake);
    }
  }

  /**
   * The first log line with this event, from line `from` on; waited for.
   *
   * @param {string} name @param {(line: any) => boolean} [wanted]
   * @returns {Promise<any>}
   */
  event(name, wanted = () => true, from = 0) {
    const parsed = (/** @type {string} */ line) => {
      if (!line.includes(`"${name}"`)) return null;
      const it = JSON.parse(line);
      return it.event === name && wanted(it) ? it : null;
    };
    return this.line(`event ${name}`, parsed, from);
  }

  tail(lines = 20) {
    return this.lines
      .slice(-lines)
      .map((line) => `  ${line}\n`)
      .join("");
  }

  /** Back when it is gone. @param {NodeJS.Signals} [signal] */
  async kill(signal = "SIGKILL") {
    if (!this.hasEnded) this.child.kill(signal);
    await within(`the end of ${this.name}`, this.ended);
  }
}
