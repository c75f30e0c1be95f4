/** Messages to begin with: to nobody, as the providers have it. */

/** @typedef {{ name: string, text: string }} Named */

/** @param {string} name @param {Record<string, unknown>} message @returns {Named} */
const named = (name, message) => ({ name, text: JSON.stringify(message, null, 2) });

const mail = { to: "test@example.com", subject: "Test", body: "This is a test." };
// The number that Twilio takes and never sends to.
const number = { to: "+15005550006", body: "This is a test." };

/** @type {Record<string, Named[]>} */
const CHANNELS = {
  email: [
    named("Plain mail", mail),
    named("Mail with HTML", { ...mail, html: "<h1>Test</h1>\n<p>This is a test.</p>" }),
    named("Mail with an id", { id: "test-1", ...mail }),
  ],
  sms: [named("Text message", number), named("Text message with an id", { id: "test-1", ...number })],
  whatsapp: [
    named("Text", number),
    named("Approved template", {
      to: number.to,
      content_sid: `HX${"0".repeat(32)}`,
      content_variables: { 1: "test" },
    }),
    named("Text with an id", { id: "test-1", ...number }),
  ],
};

const OTHERS = [named("Message with an id", { id: "test-1", body: "This is a test." })];

/** At least one. @param {string} queue */
export const templates = (queue) => CHANNELS[queue] ?? OTHERS;
