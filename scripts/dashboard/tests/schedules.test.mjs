/** Schedules, with the next firing. */

import assert from "node:assert/strict";

import { mail } from "./kit/messages.mjs";
import { scene } from "./kit/scene.mjs";

scene("each schedule is there with its next firing, in the viewer's zone", async (it) => {
  const add = ["schedule", "add", "--queue", "email"];
  await it.queuectl(...add, "digest", mail(), "--pattern", "0 7 * * *", "--timezone", "Asia/Tokyo");
  const page = await it.page("#/schedules");
  const digest = page
    .getByRole("table", { name: "Schedules" })
    .getByRole("row")
    .filter({ hasText: "digest" });
  await digest.waitFor();
  const text = await digest.innerText();
  assert.match(text, /email\s+0 7 \* \* \*\s+Asia\/Tokyo/);
  const next = digest.getByRole("cell").nth(4).getByRole("time").first();
  const at = new Date((await next.getAttribute("datetime")) ?? "");
  assert.equal(at.getUTCHours(), 22);
  const there = at.toLocaleTimeString("en-GB", {
    timeZone: "Europe/Berlin",
    hour: "2-digit",
    minute: "2-digit",
  });
  assert.ok((await next.innerText()).endsWith(there), `${await next.innerText()}, not ${there}`);
  assert.match(text, /in \d+ (h|min)/);
});

scene("a firing is seen", async (it) => {
  await it.queuectl("schedule", "add", "tick", mail(), "--queue", "email", "--pattern", "* * * * * *");
  const page = await it.page("#/schedules");
  const row = page.getByRole("row").filter({ hasText: "tick" });
  const last = row.getByRole("cell").nth(3).getByRole("time");
  await last.waitFor();
  const before = await last.getAttribute("datetime");
  const worker = await it.worker();
  await worker.event("schedule_fired");
  await page.waitForFunction(
    (before) => document.querySelector("td time")?.getAttribute("datetime") !== before,
    before,
  );
});

scene("where there is no schedule the page tells how to make one", async (it) => {
  const page = await it.page("#/schedules");
  await page.getByRole("heading", { name: "No schedule" }).waitFor();
  await page.getByText("queuectl schedule add").waitFor();
});
