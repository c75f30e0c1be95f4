/** Without a mouse. */

import assert from "node:assert/strict";

import { TOKEN, scene } from "./kit/scene.mjs";

/** @import { Page } from "playwright-core" */

/** What has the focus, by its name or text. @param {Page} page */
const focused = (page) =>
  page.evaluate(() => {
    const it = document.activeElement;
    const label = it instanceof HTMLSelectElement || it instanceof HTMLInputElement ? it.labels?.[0] : null;
    return (it?.getAttribute("aria-label") ?? (label ?? it)?.textContent ?? "").trim();
  });

/** Presses Tab until the focus is there; it has to be seen on the way. @param {Page} page @param {string | RegExp} name */
async function tabTo(page, name) {
  for (let steps = 0; steps < 60; steps++) {
    const at = await focused(page);
    if (typeof name === "string" ? at === name : name.test(at)) {
      const outline = await page.evaluate(() => {
        const style = getComputedStyle(/** @type {Element} */ (document.activeElement));
        return style.outlineStyle !== "none" || style.boxShadow !== "none";
      });
      assert.ok(outline, `the focus on ${name} cannot be seen`);
      return;
    }
    await page.keyboard.press("Tab");
  }
  assert.fail(`Tab never comes to ${name}`);
}

scene("by keyboard alone: sign in, open a queue, pause it and resume it", async (it) => {
  const server = await it.server({ API_TOKEN: TOKEN });
  const page = await it.page("#/", { signedOut: true });
  await page.getByLabel("Token").waitFor();
  await page.waitForFunction(() => document.activeElement?.matches("input[type=password]"));
  await page.keyboard.type(TOKEN);
  await page.keyboard.press("Enter");
  await page.getByRole("article", { name: "Queue email" }).waitFor();
  await page.reload();
  await page.getByRole("article", { name: "Queue email" }).waitFor();

  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "Skip to the content");
  await page.keyboard.press("Enter");
  await tabTo(page, "email");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "email" }).waitFor();
  await page.waitForFunction(() => document.activeElement?.tagName === "H1");

  await tabTo(page, "Pause email");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Pause email" });
  await dialog.waitFor();
  await tabTo(page, /^For/);
  await tabTo(page, "Pause email");
  await page.keyboard.press("Enter");
  await dialog.waitFor({ state: "detached" });
  await page
    .getByRole("alert")
    .getByText(/email: paused/)
    .waitFor();
  const paused = await server.json("/api/v1/overview");
  assert.notEqual(paused.queues[0].paused, null);

  await tabTo(page, "Resume email");
  await page.keyboard.press("Enter");
  await page.getByRole("status").getByText("email goes on").waitFor();
  await page
    .getByRole("alert")
    .getByText(/email: paused/)
    .waitFor({ state: "detached" });
});

scene("a dialog holds the focus, and gives it back", async (it) => {
  const page = await it.page("#/queues/email");
  await page.getByRole("button", { name: "Pause email" }).focus();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Pause email" });
  await dialog.waitFor();
  for (let steps = 0; steps < 8; steps++) {
    const where = await page.evaluate(() => {
      const it = document.activeElement;
      return it === document.body || it?.closest("dialog") !== null;
    });
    assert.ok(where, await focused(page));
    await page.keyboard.press("Tab");
  }
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.equal(await focused(page), "Pause email");
});
