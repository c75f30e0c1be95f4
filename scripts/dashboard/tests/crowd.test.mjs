/** Many who look. */

import assert from "node:assert/strict";

import { scene } from "./kit/scene.mjs";

/** @import { Redis } from "./kit/redis.mjs" */

/** How many commands others than this one ask of Redis in ten seconds. @param {Redis} redis */
async function cost(redis) {
  await redis.send("CONFIG", "RESETSTAT");
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  let sum = 0;
  for (const [name, calls] of await redis.asked()) if (!name.startsWith("config")) sum += calls;
  return sum;
}

/** One who listens: resolves when the first overview has come. @param {string} url @param {AbortSignal} signal */
async function listen(url, signal) {
  const response = await fetch(`${url}/api/v1/events`, { signal });
  assert.equal(response.status, 200);
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
  let text = "";
  const decoder = new TextDecoder();
  while (!/^event: overview\ndata: \{.*\}$/m.test(text))
    text += decoder.decode((await reader.read()).value, { stream: true });
  void (async () => {
    while (!(await reader.read()).done);
  })().catch(() => {});
}

scene("a hundred streams cost Redis no more than one", async (it) => {
  const redis = await it.redis();
  const { url } = await it.server();
  const end = new AbortController();
  it.atEnd(async () => end.abort());
  await listen(url, end.signal);
  const one = await cost(redis);
  await Promise.all(Array.from({ length: 99 }, () => listen(url, end.signal)));
  const hundred = await cost(redis);
  console.log(`commands in 10 s: one stream ${one}, a hundred ${hundred}`);
  assert.ok(one > 0);
  assert.ok(hundred <= one * 1.2 + 5, `${one}, ${hundred}`);
});

scene(
  "a hundred open pages cost Redis no more than one",
  async (it) => {
    const redis = await it.redis();
    for (let n = 0; n < 100; n++) await redis.send("LPUSH", "queue:email:pending", `{"id":"m${n}"}`);
    const first = await it.page("#/queues/email");
    const heading = { level: 1, name: /email/i };
    await first.getByRole("heading", heading).waitFor();
    const one = await cost(redis);
    // of ten people, with ten tabs each
    const people = [
      first,
      ...(await Promise.all(Array.from({ length: 9 }, () => it.page("#/queues/email")))),
    ];
    await Promise.all(
      people.map(async (page) => {
        for (let tab = 1; tab < 10; tab++) {
          const other = await page.context().newPage();
          await other.goto(page.url());
          await other.getByRole("heading", heading).waitFor();
        }
      }),
    );
    const hundred = await cost(redis);
    console.log(`commands in 10 s: one page ${one}, a hundred ${hundred}`);
    assert.ok(one > 0);
    assert.ok(hundred <= one * 1.2 + 5, `${one}, ${hundred}`);
  },
  { limit: 120_000 },
);
