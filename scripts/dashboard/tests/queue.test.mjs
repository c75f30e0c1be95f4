/** One queue: its charts, and what can be done with it. */

import assert from "node:assert/strict";

import { mail } from "./kit/messages.mjs";
import { fact, press, told } from "./kit/page.mjs";
import { scene } from "./kit/scene.mjs";

/** @import { Locator } from "playwright-core" */

/** How many points of a chart are painted. @param {Locator} chart */
const painted = (chart) =>
  chart.locator("canvas").evaluate((element) => {
    const canvas = /** @type {HTMLCanvasElement} */ (element);
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    return data.filter((value, at) => at % 4 === 3 && value > 0).length;
  });

scene("two charts are painted, and can be read as numbers", async (it) => {
  const redis = await it.redis();
  await redis.send("LPUSH", "queue:email:pending", mail(), mail());
  const page = await it.page("#/queues/email");
  for (const name of ["Messages of email in the last hour", "Messages a second of email in the last hour"]) {
    const chart = page.getByRole("img", { name });
    await chart.waitFor();
    assert.ok((await painted(chart)) > 500, name);
  }
  await page.getByText("The same as numbers").click();
  const rows = page.getByRole("table", { name: "Every five minutes" }).getByRole("row");
  assert.match(await rows.nth(1).innerText(), /^\d\d:\d\d\s+2\s/);
});

scene("paused for a while with a note, nothing is claimed; resumed, it goes on", async (it) => {
  const redis = await it.redis();
  const worker = await it.worker();
  const page = await it.page("#/queues/email");
  await page.getByRole("button", { name: "Pause email" }).click();
  const dialog = page.getByRole("dialog", { name: "Pause email" });
  await dialog.getByRole("combobox", { name: "For" }).selectOption("15 min");
  await dialog.getByLabel("Note").fill("a new password");
  await press(page, "Pause email", "Pause email");
  await told(page, "email is paused");
  await dialog.waitFor({ state: "detached" });
  await page
    .getByRole("alert")
    .getByText(/email: paused\s+until \d\d:\d\d .*: a new password/s)
    .waitFor();
  await worker.event("queue_paused");
  await redis.send("LPUSH", "queue:email:pending", mail());
  await page.getByRole("link", { name: "waiting of email: 1" }).waitFor();
  await page.getByRole("button", { name: "Resume email" }).click();
  await told(page, "email goes on");
  await worker.event("message_sent");
  await page.getByRole("link", { name: "waiting of email: 0" }).waitFor();
  await page.getByRole("button", { name: "Pause email" }).waitFor();
});

scene("an action that is cancelled, by button or Escape, does nothing", async (it) => {
  const page = await it.page("#/queues/email");
  const button = page.getByRole("button", { name: "Pause email" });
  await button.click();
  await press(page, "Pause email", "Cancel");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await button.click();
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  const { queues } = await (await it.server()).json("/api/v1/overview");
  assert.deepEqual(
    queues.map((/** @type {any} */ queue) => queue.paused),
    [null, null, null],
  );
});

scene("an action that fails says why where it was asked, and can be tried again", async (it) => {
  const redis = await it.redis();
  const page = await it.page("#/queues/email");
  await page.getByRole("button", { name: "Pause email" }).click();
  it.expect(/status of 50[23]/);
  await redis.away();
  await press(page, "Pause email", "Pause email");
  await page.getByRole("dialog").getByRole("alert").getByText(/Redis/).waitFor();
  await redis.back();
  await page.getByRole("alert").getByText("Redis is away").waitFor({ state: "detached" });
  await press(page, "Pause email", "Pause email");
  await told(page, "email is paused");
});

scene("while the intake is paused whoever enqueues is refused with the note", async (it) => {
  const server = await it.server();
  const page = await it.page("#/queues/email");
  await page.getByRole("button", { name: "Pause the intake" }).click();
  await page.getByRole("dialog").getByLabel("Note").fill("moving house");
  await press(page, "Pause the intake of email", "Pause the intake");
  await page
    .getByRole("alert")
    .getByText(/takes no new messages.*: moving house/s)
    .waitFor();
  const refused = await server.ask("/api/v1/messages/email", { method: "POST", body: mail() });
  assert.match(`${refused.status} ${await refused.text()}`, /^(409|503) .*moving house/);
  await page.getByRole("button", { name: "Resume the intake", exact: true }).click();
  await told(page, "The intake of email goes on");
  await server.post("/api/v1/messages/email", JSON.parse(mail()));
  await page.getByRole("link", { name: "waiting of email: 1" }).waitFor();
});

scene("a drain shows how far it is, until the queue is empty", async (it) => {
  const redis = await it.redis();
  const smtp = await it.smtp();
  smtp.hold();
  await redis.send(
    "LPUSH",
    "queue:email:pending",
    ...Array.from({ length: 8 }, (_, n) => mail({ id: `m${n}` })),
  );
  await it.worker({ CONCURRENCY: "2" }, smtp);
  const page = await it.page("#/queues/email");
  await fact(page.getByRole("region", { name: "Numbers" }), "in hand")
    .getByText("2")
    .waitFor();
  await page.getByRole("button", { name: "Drain" }).click();
  await press(page, "Pause the intake of email", "Pause the intake");
  const progress = page.getByRole("progressbar", { name: "Drained of email" });
  await progress.waitFor();
  await page.getByText(/8 messages left of 8/).waitFor();
  assert.equal(
    await progress.evaluate((element) => /** @type {HTMLProgressElement} */ (element).position),
    0,
  );
  smtp.release();
  await page.getByText("Empty: all that waited was sent or given up").waitFor();
  assert.equal(
    await progress.evaluate((element) => /** @type {HTMLProgressElement} */ (element).position),
    1,
  );
  assert.equal(smtp.mails.length, 8);
  await page.getByRole("button", { name: "Resume the intake of email" }).click();
  await progress.waitFor({ state: "detached" });
});

scene("what was sent or given up last is told, with the way to it", async (it) => {
  const redis = await it.redis();
  const smtp = await it.smtp();
  smtp.refusesRecipients = /^gone/;
  const page = await it.page("#/queues/email");
  await it.worker({}, smtp);
  await redis.send(
    "LPUSH",
    "queue:email:pending",
    mail({ id: "good-1" }),
    mail({ id: "bad-1", to: "gone@example.com" }),
  );
  const table = page.getByRole("table", { name: "What was sent or given up last" });
  await table.getByRole("row").filter({ hasText: "good-1" }).getByText("sent").waitFor();
  await table.getByRole("row").filter({ hasText: "bad-1" }).getByText("given up").waitFor();
  await table.getByRole("link", { name: "good-1" }).click();
  await page.waitForURL(/#\/messages\/email\/good-1$/);
});

scene("a queue that nobody has is told", async (it) => {
  const page = await it.page("#/queues/nowhere");
  await page.getByText("There is no such queue").waitFor();
});
