/** What goes away comes back, and the page sees it by itself. */

import assert from "node:assert/strict";

import { mail } from "./kit/messages.mjs";
import { scene } from "./kit/scene.mjs";

/** @import { Page } from "playwright-core" */

/** Whatever the browser itself says of a server that is not there. */
const AWAY = [/ERR_CONNECTION/, /ERR_SOCKET/, /ERR_INCOMPLETE/, /ERR_EMPTY/, /status of 50[23]/];

/** @param {Page} page @param {RegExp} text */
const alert = (page, text) => page.getByRole("alert").getByText(text);

/** Fails where the page was loaded anew since. @param {Page} page */
async function unreloaded(page) {
  await page.evaluate(() => (document.documentElement.dataset.mark = "here"));
  return async () => assert.equal(await page.evaluate(() => document.documentElement.dataset.mark), "here");
}

/** @param {Page} page @param {number} count */
const waits = (page, count) =>
  page
    .getByRole("alert")
    .getByText(new RegExp(`, ${count} messages? waits?`))
    .waitFor();

for (const hash of ["#/", "#/queues/email"]) {
  scene(`Redis goes away and comes back, ${hash}`, async (it) => {
    const redis = await it.redis();
    await redis.send("LPUSH", "queue:email:pending", mail());
    const page = await it.page(hash);
    await waits(page, 1);
    const check = await unreloaded(page);
    it.expect(...AWAY);
    await redis.away();
    await alert(page, /Redis is away since [\w ,]*\d\d:\d\d/).waitFor();
    await waits(page, 1);
    await redis.back();
    await alert(page, /Redis is away/).waitFor({ state: "detached" });
    await redis.send("LPUSH", "queue:email:pending", mail());
    await waits(page, 2);
    await check();
  });
}

scene("the server goes away and comes back", async (it) => {
  const redis = await it.redis();
  const server = await it.server();
  await redis.send("LPUSH", "queue:email:pending", mail());
  const page = await it.page("#/");
  await waits(page, 1);
  const check = await unreloaded(page);
  it.expect(...AWAY);
  await server.program.kill();
  await alert(page, /connection to this server is lost since [\w ,]*\d\d:\d\d/).waitFor();
  await server.back();
  await alert(page, /is lost/).waitFor({ state: "detached" });
  await redis.send("LPUSH", "queue:email:pending", mail());
  await waits(page, 2);
  await check();
});

scene("a page that is opened while Redis is away says so, and fills when it comes", async (it) => {
  const redis = await it.redis();
  await it.server();
  await redis.send("LPUSH", "queue:email:pending", mail());
  await redis.away();
  const page = await it.page("#/", { expected: AWAY });
  await alert(page, /Redis is away/).waitFor();
  await redis.back();
  await waits(page, 1);
});

scene("a browser without shared workers sees the same", async (it) => {
  const redis = await it.redis();
  const server = await it.server();
  await redis.send("LPUSH", "queue:email:pending", mail());
  const page = await it.page("#/");
  await page.addInitScript(() => Reflect.deleteProperty(window, "SharedWorker"));
  await page.reload();
  await waits(page, 1);
  it.expect(...AWAY);
  await server.program.kill();
  await alert(page, /is lost since/).waitFor();
  await server.back();
  await alert(page, /is lost/).waitFor({ state: "detached" });
  await redis.send("LPUSH", "queue:email:pending", mail());
  await waits(page, 2);
});

scene("what the server tells while it stops reaches the page before it ends", async (it) => {
  const server = await it.server();
  const page = await it.page("#/");
  await page.getByRole("navigation", { name: "Sections" }).waitFor();
  it.expect(...AWAY);
  await server.program.kill("SIGTERM");
  await alert(page, /is lost since/).waitFor();
  assert.equal(server.program.child.exitCode, 0);
});
