/** Who may use the dashboard. */

import assert from "node:assert/strict";

import { TOKEN, scene } from "./kit/scene.mjs";

/** @import { Page } from "playwright-core" */

const UNAUTHORIZED = /console error: .* 401 /;

/** @param {Page} page @param {string} token */
async function signIn(page, token) {
  await page.getByLabel("Token").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** @param {Page} page */
const overview = (page) => page.getByRole("heading", { level: 1, name: "Queues" });

scene("the token opens the page, and its cookie is out of reach of scripts and other sites", async (it) => {
  await it.server({ API_TOKEN: TOKEN });
  const page = await it.page("#/", { signedOut: true });
  await signIn(page, TOKEN);
  await overview(page).waitFor();
  const [cookie, ...others] = await page.context().cookies();
  assert.equal(others.length, 0);
  assert.deepEqual(
    [cookie.name, cookie.httpOnly, cookie.sameSite, cookie.path],
    ["redispatch_session", true, "Strict", "/"],
  );
  assert.equal(await page.evaluate(() => document.cookie), "");
  assert.ok(!cookie.value.includes(TOKEN));
  await page.reload();
  await overview(page).waitFor();
});
