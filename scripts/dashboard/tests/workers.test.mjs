/** Workers, and what they hold. */

import assert from "node:assert/strict";

import { mail } from "./kit/messages.mjs";
import { scene } from "./kit/scene.mjs";

scene("a worker is there with what it holds and since when", async (it) => {
  const redis = await it.redis();
  const smtp = await it.smtp();
  smtp.hold();
  const page = await it.page("#/workers");
  await page.getByText("None.").waitFor();
  const worker = await it.worker({ CONCURRENCY: "3", PROCESSING_TIMEOUT_MS: "3000" }, smtp);
  const row = page
    .getByRole("table", { name: "All workers" })
    .getByRole("row")
    .filter({ hasText: "host-1-" });
  await row.getByText("0 of 3").waitFor();
  assert.ok((await row.innerText()).includes(`${worker.child.pid}`));
  await redis.send("LPUSH", "queue:email:pending", mail({ id: "order-1" }));
  await row.getByText("1 of 3").waitFor();
  await row.getByRole("button", { name: /^1 message of host-1-/ }).click();
  const held = page.getByRole("listitem").filter({ hasText: "order-1" });
  await held.getByText(/begun .* at \d\d:\d\d:\d\d/).waitFor();
  assert.equal(
    await held.getByRole("link", { name: "order-1" }).getAttribute("href"),
    "#/messages/email/order-1",
  );
  smtp.release();
  await row.getByRole("button", { name: /^0 messages of host-1-/ }).waitFor();
  await page.getByText("Nothing just now.").waitFor();
  await worker.kill("SIGTERM");
  await page.getByText("None.").waitFor();
});

scene("a worker that was killed is told as silent, and the banner says so", async (it) => {
  const redis = await it.redis();
  const smtp = await it.smtp();
  smtp.hold();
  const worker = await it.worker({ PROCESSING_TIMEOUT_MS: "2000" }, smtp);
  await redis.send("LPUSH", "queue:email:pending", mail({ id: "order-1" }));
  const page = await it.page("#/workers");
  await page.getByRole("button", { name: /^1 message of host-1-/ }).waitFor();
  await worker.kill();
  await page
    .getByRole("row")
    .filter({ hasText: "host-1-" })
    .getByText(/silent for \d+ s/)
    .waitFor();
  await page
    .getByRole("alert")
    .getByText(/email: a worker is silent since \d\d:\d\d: host-1-/)
    .waitFor();
});
