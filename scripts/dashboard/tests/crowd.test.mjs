/** Many who look. */

import assert from "node:assert/strict";

import { dead } from "./kit/messages.mjs";
import { scene } from "./kit/scene.mjs";

/** @import { Redis } from "./kit/redis.mjs" */
/** @typedef {{ at: number, path: string, headers: Record<string, string> }} Asked */

/** Long enough for whatever a page asks for again, ms. */
const WHILE = 7_000;

const pass = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** How many commands Redis is asked in a while in which something happens each second. @param {Redis} redis */
async function cost(redis) {
  await redis.send("CONFIG", "RESETSTAT");
  for (let ms = 0; ms < WHILE; ms += 1_000) {
    await redis.send("LPUSH", "queue:email:dead_letter", dead());
    await pass(1_000);
  }
  let sum = 0;
  for (const [name, calls] of await redis.asked()) if (!name.startsWith("config")) sum += calls;
  return sum;
}

/** @param {string} what @param {number} one @param {number} hundred */
function assertNoMore(what, one, hundred) {
  console.log(`commands in ${WHILE / 1000} s: one ${what} ${one}, a hundred ${hundred}`);
  assert.ok(one > 0);
  assert.ok(hundred <= one * 1.25, `${one}, ${hundred}`);
}

/** One who listens: resolves when the first overview has come. @param {string} url @param {AbortSignal} signal */
async function listen(url, signal) {
  const response = await fetch(`${url}/api/v1/events`, { signal });
  assert.equal(response.status, 200);
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (!/^event: overview\ndata: \{.*\}$/m.test(text)) {
    text += decoder.decode((await reader.read()).value, { stream: true });
  }
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
  assertNoMore("stream", one, await cost(redis));
});

scene(
  "a hundred open pages cost Redis no more than one",
  async (it) => {
    const redis = await it.redis();
    const server = await it.server();
    await redis.send(
      "LPUSH",
      "queue:email:pending",
      ...Array.from({ length: 100 }, (_, n) => `{"id":"m${n}"}`),
    );
    const heading = { level: 1, name: "email" };
    const page = await it.page("#/queues/email");
    await page.getByRole("heading", heading).waitFor();
    /** What a page asks for while nothing happens. @type {Asked[]} */
    const asked = [];
    const began = Date.now();
    page.on("request", (request) => {
      const { pathname, search } = new URL(request.url());
      const control = request.headers()["cache-control"];
      const headers = /** @type {Record<string, string>} */ (control ? { "cache-control": control } : {});
      asked.push({ at: Date.now() - began, path: pathname + search, headers });
    });
    const one = await cost(redis);
    page.removeAllListeners("request");

    // nine more of these, and ninety that ask for the same as often
    await Promise.all(
      Array.from({ length: 9 }, async () =>
        (await it.page("#/queues/email")).getByRole("heading", heading).waitFor(),
      ),
    );
    const end = new AbortController();
    it.atEnd(async () => end.abort());
    await Promise.all(Array.from({ length: 90 }, () => listen(server.url, end.signal)));
    const asking = Array.from({ length: 90 }, (_, n) =>
      asked.map(async ({ at, path, headers }) => {
        // What makes a page ask comes to all of them within a moment.
        await pass((at + (n * 500) / 90) % WHILE);
        const response = await server.ask(path, { headers });
        await response.text();
        assert.equal(response.status, 200, path);
      }),
    );
    const hundred = await cost(redis);
    await Promise.all(asking.flat());
    assertNoMore("page", one, hundred);
    assert.ok(asked.length > 0, "pages follow what happens");
  },
  { limit: 90_000 },
);
