/** One Chromium for a test file; each page in a context of its own, and watched. */

import { after } from "node:test";

import { chromium } from "playwright-core";

import { LIMIT, setting } from "./program.mjs";

/** @typedef {{ width?: number, height?: number, dark?: boolean, signedOut?: boolean, expected?: RegExp[] }} How */

/** @type {Promise<import("playwright-core").Browser> | null} */
let running = null;
after(async () => (await running)?.close());

export function browser() {
  running ??= chromium.launch({
    executablePath: setting("REDISPATCH_CHROMIUM"),
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
  return running;
}

/**
 * A page that keeps what went wrong in it: `faults`.
 *
 * @param {string} origin @param {How} how
 */
export async function open(origin, { width = 1280, height = 900, dark = false, expected = [] }) {
  const context = await (
    await browser()
  ).newContext({
    viewport: { width, height },
    colorScheme: dark ? "dark" : "light",
    reducedMotion: "reduce",
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
  });
  const page = await context.newPage();
  page.setDefaultTimeout(LIMIT);
  /** @type {string[]} */
  const faults = [];
  context.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) {
      faults.push(`console ${message.type()}: ${message.text()} (${message.location().url})`);
    }
  });
  context.on("weberror", (error) => faults.push(`error: ${error.error().stack}`));
  context.on("dialog", (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  context.on("request", (request) => {
    const url = new URL(request.url());
    if (url.origin !== origin && !["data:", "about:", "blob:"].includes(url.protocol)) {
      faults.push(`request to another host: ${url}`);
    }
  });
  context.on("requestfailed", (request) => {
    const why = request.failure()?.errorText;
    // What a page no longer wants is no fault: it went somewhere else.
    if (why !== "net::ERR_ABORTED") faults.push(`failed request: ${request.url()} ${why}`);
  });
  return { context, page, faults, expected: [...expected] };
}
