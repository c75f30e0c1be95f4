/** What axe-core finds in a page. */

import { createRequire } from "node:module";

/** @type {{ source: string }} */
const axe = createRequire(import.meta.url)("axe-core");

/**
 * Fails on what it calls serious or critical. Its source is evaluated by the debugger's protocol, which the page's
 * policy does not hold back.
 *
 * @param {import("playwright-core").Page} page
 */
export async function assertAccessible(page) {
  await page.evaluate(`${axe.source}; undefined`);
  const { violations } = await page.evaluate(() =>
    // @ts-ignore: `axe` is there now
    window.axe.run(document, { iframes: false, resultTypes: ["violations"] }),
  );
  const serious = violations.filter((/** @type {any} */ it) => ["serious", "critical"].includes(it.impact));
  if (serious.length === 0) return;
  const told = serious.map((/** @type {any} */ it) => {
    const places = it.nodes.slice(0, 5).map((/** @type {any} */ node) => {
      return `\n    ${node.html.slice(0, 200)}\n      ${node.failureSummary.replaceAll("\n", " ")}`;
    });
    return `${it.id} (${it.impact}): ${it.help}${places.join("")}`;
  });
  throw new Error(`axe at ${page.url()}:\n  ${told.join("\n  ")}`);
}
