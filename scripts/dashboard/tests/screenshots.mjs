/** The pictures of the README, by scripts/screenshots. */

import { demo } from "./kit/demo.mjs";
import { setting } from "./kit/program.mjs";
import { scene } from "./kit/scene.mjs";

/** @import { Page } from "playwright-core" */

const STEP = 10_000;
const POINTS = Array.from({ length: 360 }, (_, n) => n);
/** When the breaker of email opened: five minutes ago. */
const OPEN = 330;

const wave = (/** @type {number} */ n) => 1 + 0.25 * Math.sin(n / 23) + 0.08 * Math.sin(n / 3.1);

/** What came and went of each queue. @type {Record<string, { in: (n: number) => number, out: (n: number) => number }>} */
const FLOW = {
  email: { in: (n) => 4.2 * wave(n), out: (n) => (n < OPEN ? 4.2 * wave(n - 2) : 0) },
  sms: { in: (n) => 7.4 * wave(n * 0.8 + 40), out: (n) => 7.4 * wave(n * 0.8 + 38) },
  whatsapp: {
    in: (n) => (n < 355 ? 0.6 * wave(n * 1.3) : 0),
    out: (n) => (n < 355 ? 0.6 * wave(n * 1.3 - 1) : 0),
  },
};

/** An hour of a queue, or of all, in place of the seconds that the server has kept. @param {string | null} queue */
function hour(queue) {
  const now = Math.floor(Date.now() / STEP) * STEP;
  const flows = queue === null ? Object.values(FLOW) : [FLOW[queue]];
  const sum = (/** @type {"in" | "out"} */ way) =>
    POINTS.map((n) => flows.reduce((all, flow) => all + flow[way](n), 0));
  const values = (/** @type {(n: number) => number} */ of) => POINTS.map((n) => Math.round(of(n)));
  return {
    queue,
    step_ms: STEP,
    at: POINTS.map((n) => now - (359 - n) * STEP),
    waiting: values((n) => 60 * wave(n) + Math.max(0, n - OPEN) * 40),
    processing: values((n) => (n < OPEN ? 6 * wave(n) : 1)),
    delayed: values((n) => 30 + 14 * Math.sin(n / 60)),
    dead_letter: values((n) => 1_060 + n * 0.29),
    in_per_second: sum("in"),
    out_per_second: sum("out"),
    failed_per_second: POINTS.map((n) => (n < OPEN ? 0.3 * wave(n * 3) : 0.1)),
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

    await redis.send("HSET", "queue:email:control", "breaker_since", `${Date.now() - 5 * 60_000}`);

    const light = await it.page("#/workers", { width: 1440, height: 1040 });
    await light.route("**/api/v1/history*", (route) => {
      const queue = new URL(route.request().url()).searchParams.get("queue");
      return route.fulfill({ json: hour(queue) });
    });
    await light.goto(`${server.url}/#/`);
    const sms = light.getByRole("article", { name: "Queue sms" });
    await sms
      .getByText(/^\s*[78](\.\d+)?\s*$/)
      .nth(1)
      .waitFor();
    await light.evaluate(() => document.fonts.ready);
    await shoot(light, "dashboard-light");

    const dark = await it.page("#/queues/email/dead", { width: 1440, height: 1040, dark: true });
    await dark.getByRole("table", { name: "By reason" }).getByText("812").waitFor();
    await dark.getByRole("table", { name: /the newest first/ }).waitFor();
    await shoot(dark, "dashboard-dark");
  },
  { limit: 90_000 },
);
