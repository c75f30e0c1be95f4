/** The banner says what is wrong, in words. */

import assert from "node:assert/strict";

import { mail } from "./kit/messages.mjs";
import { scene } from "./kit/scene.mjs";

scene(
  "a refused SMTP login is told with since when, how many wait and why, until it is mended",
  async (it) => {
    const redis = await it.redis();
    const smtp = await it.smtp();
    smtp.refusesLogin = true;
    const messages = Array.from({ length: 1_204 }, (_, n) => mail({ id: `m${n}` }));
    await redis.send("LPUSH", "queue:email:pending", ...messages);
    const page = await it.page("#/");
    const alert = page.getByRole("alert");
    await alert.getByText("no worker").waitFor();
    const worker = await it.worker({ CONCURRENCY: "4" }, smtp);
    await worker.event("breaker_opened");
    await alert
      .getByText(
        /email: SMTP login refused\s+since [\w ,]*\d\d:\d\d, 1,204 messages wait.*535 5\.7\.8 wrong credentials/,
      )
      .waitFor();
    assert.equal(await alert.getByText("no worker").count(), 0);
    await worker.kill("SIGTERM");
    smtp.refusesLogin = false;
    // one that has just started tries at once
    const mended = await it.worker({ CONCURRENCY: "4" }, smtp);
    await mended.event("breaker_closed");
    await alert.getByText("535").waitFor({ state: "detached" });
  },
);

scene("each trouble has its words: no worker, paused, intake paused", async (it) => {
  const redis = await it.redis();
  await redis.send("LPUSH", "queue:email:pending", mail());
  const page = await it.page("#/");
  const alert = page.getByRole("alert");
  await alert.getByText(/email: no worker serves this queue, 1 message waits/).waitFor();
  await it.queuectl("pause", "--queue", "sms", "--for", "15m", "--note", "a new sender");
  await alert.getByText(/sms: paused\s+until [\w ,]*\d\d:\d\d \(in 1[45] min.*\): a new sender/s).waitFor();
  await it.queuectl("pause", "--queue", "email", "--intake", "--note", "moving");
  await alert.getByText(/email: takes no new messages.*: moving/s).waitFor();
  await it.queuectl("resume", "--queue", "sms");
  await alert.getByText("sms: paused").waitFor({ state: "detached" });
});
