/** Dead letters: found, and what can be done with them. */

import assert from "node:assert/strict";

import { groups, list, names } from "./kit/letters.mjs";
import { dead } from "./kit/messages.mjs";
import { press, told } from "./kit/page.mjs";
import { scene } from "./kit/scene.mjs";

/** @import { Redis } from "./kit/redis.mjs" */

const HASH = "#/queues/email/dead";
const DEAD = "queue:email:dead_letter";

/** Ten that the server refused, five that were too late, `gone-9` the newest. @param {Redis} redis */
async function fill(redis) {
  const late = {
    reason: "expired",
    class: "expired",
    code: "",
    provider: "",
    error: "expired before it could be sent",
  };
  const letters = [
    ...Array.from({ length: 5 }, (_, n) => dead({ id: `late-${n}` }, late)),
    ...Array.from({ length: 10 }, (_, n) => dead({ id: `gone-${n}`, to: `user${n}@example.com` })),
  ];
  await redis.send("LPUSH", DEAD, ...letters);
}

/** The ids in a list of Redis. @param {Redis} redis @param {string} key @returns {Promise<string[]>} */
const ids = async (redis, key) =>
  (await redis.send("LRANGE", key, "0", "-1")).map((/** @type {string} */ bytes) => JSON.parse(bytes).id);

scene("they are counted by reason, and a group shows its own", async (it) => {
  const redis = await it.redis();
  await fill(redis);
  const page = await it.page(HASH);
  await page.getByText("15 in all").waitFor();
  const rows = await groups(page).getByRole("row").allInnerTexts();
  assert.match(rows[1], /smtp 550 \(reject\)\s+10\s.*mailbox does not exist/s);
  assert.match(rows[2], /\(expired\)\s+5\s/);
  assert.equal((await names(page)).length, 15);
  assert.equal((await names(page))[0], "gone-9");
  await groups(page)
    .getByRole("link", { name: /\(expired\)/ })
    .click();
  await page.getByRole("heading", { level: 2, name: /^Those of:.*\(expired\)/ }).waitFor();
  await list(page).getByText("late-4").waitFor();
  assert.deepEqual(await names(page), ["late-4", "late-3", "late-2", "late-1", "late-0"]);
});

scene("a filter is in the address, and new ones come by themselves", async (it) => {
  const redis = await it.redis();
  await fill(redis);
  const page = await it.page(HASH);
  await page.getByText("Filter", { exact: true }).first().click();
  await page.getByLabel("Part of the error").fill("too late by half");
  await page.getByRole("button", { name: "Filter" }).click();
  await page.getByText("None fits.").waitFor();
  assert.ok(page.url().endsWith("?error=too+late+by+half"), page.url());
  await redis.send("LPUSH", DEAD, dead({ id: "new-1" }, { error: "too late by half a day" }));
  await list(page).getByText("new-1").waitFor();
  assert.deepEqual(await names(page), ["new-1"]);
  await page.reload();
  await list(page).getByText("new-1").waitFor();
  await page.getByRole("link", { name: "Show all" }).click();
  await page.getByText("16 in all").waitFor();
});

scene("older ones are a page further", async (it) => {
  const redis = await it.redis();
  await redis.send("LPUSH", DEAD, ...Array.from({ length: 120 }, (_, n) => dead({ id: `m${n}` })));
  const page = await it.page(HASH);
  await list(page).getByText("m119").waitFor();
  for (const count of [100, 120]) {
    await page.getByRole("button", { name: "Older" }).click();
    await page.getByRole("table", { name: `${count} dead letters, the newest first` }).waitFor();
  }
  assert.equal((await names(page)).at(-1), "m0");
  assert.equal(await page.getByRole("button", { name: "Older" }).count(), 0);
});

scene("one is opened, and requeued", async (it) => {
  const redis = await it.redis();
  await fill(redis);
  const page = await it.page(HASH);
  await list(page).getByRole("link", { name: "gone-3" }).click();
  await page.getByRole("heading", { level: 1, name: "gone-3" }).waitFor();
  const why = page.getByRole("region", { name: "Why" });
  await why.getByText("RCPT TO: 550 5.1.1 mailbox does not exist").waitFor();
  await page.getByRole("list").getByText("Attempt").waitFor();
  await page.getByRole("button", { name: "Requeue…" }).click();
  await press(page, "Requeue this message", "Requeue");
  await told(page, "Requeued");
  await page.getByText("14 in all").waitFor();
  assert.deepEqual(await ids(redis, "queue:email:pending"), ["gone-3"]);
  assert.ok(!(await names(page)).includes("gone-3"));
});

scene("one is edited; what no worker would take is refused, unless it is kept even so", async (it) => {
  const redis = await it.redis();
  await redis.send(
    "LPUSH",
    DEAD,
    dead({ id: "order-1", to: "user@exmaple.com", unknown: 12345678901234567890n.toString() }),
  );
  const page = await it.page(HASH);
  await list(page).getByRole("link", { name: "order-1" }).click();
  await page.getByRole("button", { name: "Edit…" }).click();
  const dialog = page.getByRole("dialog", { name: "Edit this message" });
  const text = dialog.getByRole("textbox");
  await text.waitFor();
  assert.match(await text.inputValue(), /"user@exmaple\.com"/);
  assert.doesNotMatch(await text.inputValue(), /_delivery/);
  await text.fill("{");
  await dialog.getByText(/JSON/).nth(1).waitFor();
  it.expect(/status of 422/);
  await text.fill('{"id":"order-1","subject":"Hello"}');
  await press(page, "Edit this message", "Save");
  await dialog.getByLabel("Keep it even so").waitFor();
  await text.fill('{"id":"order-1","to":"user@example.com","subject":"Hello","body":"Hi"}');
  await dialog.getByLabel("Requeue it at once").check();
  await press(page, "Edit this message", "Save");
  await told(page, "Saved and requeued");
  const [bytes] = await redis.send("LRANGE", "queue:email:pending", "0", "-1");
  assert.equal(JSON.parse(bytes).to, "user@example.com");
  assert.equal(JSON.parse(bytes)._delivery.attempts.length, 1);
  assert.equal(await redis.send("LLEN", DEAD), 0);
});

scene("one is purged, once the queue's name is typed", async (it) => {
  const redis = await it.redis();
  await fill(redis);
  const page = await it.page(HASH);
  await list(page).getByRole("link", { name: "late-2" }).click();
  await page.getByRole("button", { name: "Purge…" }).click();
  const dialog = page.getByRole("dialog", { name: "Purge this message" });
  const button = dialog.getByRole("button", { name: "Purge" });
  assert.ok(await button.isDisabled());
  await dialog.getByRole("textbox").fill("emial");
  assert.ok(await button.isDisabled());
  await dialog.getByRole("textbox").fill("email");
  await button.click();
  await told(page, "Purged");
  await page.getByText("14 in all").waitFor();
  assert.ok(!(await ids(redis, DEAD)).includes("late-2"));
});

scene("one that somebody else has requeued meanwhile is told", async (it) => {
  const redis = await it.redis();
  await fill(redis);
  const page = await it.page(HASH);
  await list(page).getByRole("link", { name: "gone-9" }).click();
  await page.getByRole("button", { name: "Requeue…" }).click();
  it.expect(/status of 404/);
  await redis.send("LPOP", DEAD);
  await press(page, "Requeue this message", "Requeue");
  await page
    .getByRole("dialog")
    .getByRole("alert")
    .getByText(/dead letter/)
    .waitFor();
  await press(page, "Requeue this message", "Cancel");
  await page.reload();
  await page.getByRole("alert").getByText("It is no dead letter any more").waitFor();
});

scene("a group is requeued, and the others stay", async (it) => {
  const redis = await it.redis();
  await fill(redis);
  const page = await it.page(HASH);
  await groups(page)
    .getByRole("button", { name: /^Requeue .*\(expired\)/ })
    .click();
  await press(page, "Requeue 5 dead letters", "Requeue 5");
  const operation = page.getByRole("region", { name: "Under way" });
  await operation.getByText("5 messages requeued").waitFor();
  await operation.getByText("done", { exact: true }).waitFor();
  await page.getByText("10 in all").waitFor();
  assert.deepEqual((await ids(redis, "queue:email:pending")).sort(), [
    "late-0",
    "late-1",
    "late-2",
    "late-3",
    "late-4",
  ]);
  assert.equal(await groups(page).getByRole("row").count(), 2);
});

scene("what a filter chooses is requeued at a rate, until it is stopped", async (it) => {
  const redis = await it.redis();
  await fill(redis);
  const page = await it.page(`${HASH}?code=550`);
  await list(page).getByText("gone-9").waitFor();
  await page.getByRole("button", { name: "Requeue these…" }).click();
  const dialog = page.getByRole("dialog", { name: "Requeue 10 dead letters" });
  await dialog.getByLabel("How fast").selectOption("1 a second");
  await press(page, "Requeue 10 dead letters", "Requeue 10");
  const operation = page.getByRole("region", { name: "Under way" });
  await operation.getByText(/[1-9] messages?\s+requeued/).waitFor();
  await operation.getByRole("progressbar").waitFor();
  await operation.getByRole("button", { name: "Stop" }).click();
  await operation.getByText("stopped", { exact: true }).waitFor();
  const moved = await ids(redis, "queue:email:pending");
  assert.ok(moved.length > 0 && moved.length < 9, `${moved}`);
  assert.ok(
    moved.every((id) => id.startsWith("gone-")),
    `${moved}`,
  );
  await operation.getByText(new RegExp(`^\\s*${moved.length} messages?\\s+requeued`)).waitFor();
  assert.equal(await redis.send("LLEN", DEAD), 15 - moved.length);
});

scene("a group is purged, once the queue's name is typed, and nothing else", async (it) => {
  const redis = await it.redis();
  await fill(redis);
  const page = await it.page(HASH);
  await groups(page)
    .getByRole("button", { name: /^Purge .*550/ })
    .click();
  const dialog = page.getByRole("dialog", { name: "Purge 10 dead letters" });
  const button = dialog.getByRole("button", { name: "Purge 10" });
  assert.ok(await button.isDisabled());
  await page.keyboard.press("Enter");
  await dialog.getByRole("textbox").fill("email");
  await button.click();
  await page.getByRole("region", { name: "Under way" }).getByText("10 messages purged").waitFor();
  await page.getByText("5 in all").waitFor();
  assert.deepEqual(await ids(redis, DEAD), ["late-4", "late-3", "late-2", "late-1", "late-0"]);
  assert.equal(await redis.send("LLEN", "queue:email:pending"), 0);
});

scene("every change is in the server's log", async (it) => {
  const redis = await it.redis();
  const server = await it.server();
  await redis.send("LPUSH", DEAD, dead({ id: "order-1" }));
  const page = await it.page(HASH);
  await list(page).getByRole("link", { name: "order-1" }).click();
  await page.getByRole("button", { name: "Show recipients" }).click();
  const revealed = await server.program.event("api_revealed");
  assert.match(revealed.path, /^\/api\/v1\/queues\/email\/dead\/[0-9a-f]{32}$/);
  await page.getByRole("button", { name: "Requeue…" }).click();
  await press(page, "Requeue this message", "Requeue");
  const changed = await server.program.event("api_changed", (line) => line.path.endsWith("/requeue"));
  assert.deepEqual([changed.method, changed.status, changed.by], ["POST", 200, "local"]);
});
