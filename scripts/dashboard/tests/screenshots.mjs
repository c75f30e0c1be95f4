/** The pictures of the README, by scripts/screenshots. */

import { demo } from "./kit/demo.mjs";
import { setting } from "./kit/program.mjs";
import { scene } from "./kit/scene.mjs";

/** @import { Page } from "playwright-core" */

/**
 * An hour of a day, in place of the seconds that the server has kept: busy until the breaker of email opened ten
 * minutes ago.
 */
function hour() {
  const step = 10_000;
  const now = Math.floor(Date.now() / step) * step;
  const points = Array.from({ length: 360 }, (_, n) => n);
  const wave = (/** @type {number} */ n) => 1 + 0.3 * Math.sin(n / 23) + 0.12 * Math.sin(n / 3.1);
  const open = 300;
  const values = (/** @type {(n: number) => number} */ of) => points.map((n) => Math.max(0, of(n)));
  return {
    queue: null,
    step_ms: step,
    at: points.map((n) => now - (359 - n) * step),
    waiting: values((n) => Math.round(n < open ? 60 * wave(n) : 60 + (n - open) * 19.8)),
    processing: values((n) => Math.round(n < open ? 6 * wave(n) : 1)),
    delayed: values((n) => Math.round(30 + 14 * Math.sin(n / 60))),
    dead_letter: values((n) => 1_060 + Math.round(n * 0.29)),
    in_per_second: values((n) => 9 * wave(n)),
    out_per_second: values((n) => (n < open ? 9 * wave(n - 2) : 6.2 * wave(n))),
    failed_per_second: values((n) => (n < open ? 0.3 * wave(n * 3) : 0.1)),
  };
}

/** @param {Page} page @param {string} name */
const shoot = (page, name) => page.screenshot({ path: `${setting("REDISPATCH_SCREENSHOTS")}/${name}.png` });

scene(
  "the overview in light, dead letters in dark",
  async (it) => {
    const { redis, server } = await demo(it);
    // text messages keep coming and going while the pictures are taken
    let last = 1_000;
    const coming = setInterval(() => {
      const text = JSON.stringify({ id: `code-${++last}`, to: "+15550101000", body: "Your code is 1234" });
      void redis.send("LPUSH", "queue:sms:pending", text);
    }, 125);
    it.atEnd(async () => clearInterval(coming));

    await redis.send("HSET", "queue:email:control", "breaker_since", `${Date.now() - 10 * 60_000}`);

    const light = await it.page("#/workers", { width: 1440, height: 1000 });
    await light.route("**/api/v1/history*", (route) => route.fulfill({ json: hour() }));
    await light.goto(`${server.url}/#/`);
    const sms = light.getByRole("article", { name: "Queue sms" });
    await sms
      .getByText(/^\s*[78](\.\d+)?\s*$/)
      .nth(1)
      .waitFor();
    await light.evaluate(() => document.fonts.ready);
    await shoot(light, "dashboard-light");

    const dark = await it.page("#/queues/email/dead", { width: 1440, height: 1000, dark: true });
    await dark.getByRole("table", { name: "By reason" }).getByText("812").waitFor();
    await dark.getByRole("table", { name: /the newest first/ }).waitFor();
    await shoot(dark, "dashboard-dark");
  },
  { limit: 90_000 },
);
