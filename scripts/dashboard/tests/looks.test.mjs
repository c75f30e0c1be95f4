/** How every view looks: narrow and wide, light and dark; and what axe-core says of it. */

import assert from "node:assert/strict";

import { assertAccessible } from "./kit/axe.mjs";
import { demo } from "./kit/demo.mjs";
import { setting } from "./kit/program.mjs";
import { scene } from "./kit/scene.mjs";
import { views } from "./kit/views.mjs";

scene(
  "every view fits 320 and 1440 pixels, light and dark, and axe-core finds nothing serious",
  async (it) => {
    const { server } = await demo(it);
    const all = await views(server);
    /** @type {string[]} */
    const faults = [];
    for (const dark of [false, true]) {
      const page = await it.page("#/", { dark });
      for (const [name, hash] of all) {
        await page.setViewportSize({ width: 1440, height: 900 });
        await page.goto(`${server.url}/${hash}`);
        await page.getByRole("heading", { level: 1 }).waitFor();
        await page
          .getByText(/^(Looking|Counting|Searching)…/)
          .first()
          .waitFor({ state: "detached" });
        await assertAccessible(page).catch((error) =>
          faults.push(`${dark ? "dark" : "light"}: ${error.message}`),
        );
        for (const width of [1440, 320]) {
          await page.setViewportSize({ width, height: width === 320 ? 640 : 900 });
          const path = `${setting("REDISPATCH_SCREENSHOTS")}/${name}-${width}-${dark ? "dark" : "light"}.png`;
          await page.screenshot({ path, fullPage: true });
          const [needed, there] = await page.evaluate(() => [
            document.documentElement.scrollWidth,
            innerWidth,
          ]);
          if (needed > there)
            faults.push(`${name}, ${dark ? "dark" : "light"}: ${needed} of ${there} pixels`);
        }
      }
    }
    assert.deepEqual(faults, []);
  },
  { limit: 150_000 },
);

scene("the theme is chosen on the page, and kept", async (it) => {
  const page = await it.page("#/");
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const choice = page.getByLabel("Theme");
  await choice.selectOption("Light");
  const light = await background();
  await choice.selectOption("Dark");
  assert.notEqual(await background(), light);
  const dark = await background();
  await page.reload();
  await choice.waitFor();
  assert.equal(await background(), dark);
});
