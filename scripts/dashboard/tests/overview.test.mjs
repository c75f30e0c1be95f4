/** All queues at a glance. */

import assert from "node:assert/strict";

import { dead, mail } from "./kit/messages.mjs";
import { fact } from "./kit/page.mjs";
import { scene } from "./kit/scene.mjs";

/** @import { Page } from "playwright-core" */

/** @param {Page} page @param {string} queue */
const card = (page, queue) => page.getByRole("article", { name: `Queue ${queue}` });

scene("what waits is there at once, by lane, and so is what was sent, without a reload", async (it) => {
  const redis = await it.redis();
  const page = await it.page("#/");
  const email = card(page, "email");
  await email.getByRole("link", { name: "waiting of email: 0" }).waitFor();
  await redis.send("LPUSH", "queue:email:pending:high", mail());
  await redis.send("LPUSH", "queue:email:pending", mail(), mail());
  await redis.send("LPUSH", "queue:email:pending:low", mail(), mail(), mail());
  await email.getByRole("link", { name: "waiting of email: 6" }).waitFor();
  assert.deepEqual(
    await Promise.all(["high", "pending", "low", "workers"].map((name) => fact(email, name).innerText())),
    ["1", "2", "3", "0"],
  );
  await it.worker();
  await email.getByRole("link", { name: "waiting of email: 0" }).waitFor();
  await fact(email, "sent ever").getByText("6", { exact: true }).waitFor();
  await fact(email, "workers").getByText("1", { exact: true }).waitFor();
  await fact(email, "out /s").getByText(/[1-9]/).waitFor();
});

scene("rates, failures, retries, dead letters and the age of the oldest are told", async (it) => {
  const redis = await it.redis();
  const smtp = await it.smtp();
  smtp.refusesRecipients = /^gone/;
  const page = await it.page("#/");
  const email = card(page, "email");
  await it.worker({ CONCURRENCY: "2" }, smtp);
  await redis.send("LPUSH", "queue:email:pending", mail(), mail({ to: "gone@example.com" }));
  await email.getByRole("link", { name: "dead of email: 1" }).waitFor();
  await fact(email, "sent ever").getByText("1", { exact: true }).waitFor();
  await fact(email, "failing").getByText("50%").waitFor();
  smtp.hold();
  await redis.send("LPUSH", "queue:email:pending", mail(), mail(), mail({ created_at: Date.now() - 65_000 }));
  await fact(email, "in hand").getByText("2", { exact: true }).waitFor();
  await fact(email, "oldest").getByText(/1 min/).waitFor();
  await email.getByRole("link", { name: "waiting of email: 1" }).waitFor();
});

scene("a queue of somebody's own is there beside the others, and leads to its page", async (it) => {
  const redis = await it.redis();
  const server = await it.server({ QUEUES: "letters" });
  await redis.send("LPUSH", "queue:letters:pending", mail());
  await redis.send("LPUSH", "queue:letters:dead_letter", dead());
  const page = await it.page("#/");
  const names = page.getByRole("article").getByRole("heading", { level: 2 });
  await names.getByText("letters").waitFor();
  assert.deepEqual(new Set(await names.allInnerTexts()), new Set(["email", "letters", "sms", "whatsapp"]));
  await names.getByText("letters").click();
  await page.getByRole("heading", { level: 1, name: "letters" }).waitFor();
  assert.equal(page.url(), `${server.url}/#/queues/letters`);
});
