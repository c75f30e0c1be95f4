/** Messages: found, opened, followed, changed, and put in. */

import assert from "node:assert/strict";

import { mail } from "./kit/messages.mjs";
import { press, told } from "./kit/page.mjs";
import { scene } from "./kit/scene.mjs";

const HOUR = 3_600_000;

scene("a message is found by a part of its recipient or subject, in every queue, and opened", async (it) => {
  const server = await it.server();
  await server.post("/api/v1/messages/email", {
    id: "order-1",
    to: "anna@example.com",
    subject: "Blue shoes",
    body: "x",
  });
  await server.post("/api/v1/messages/email", {
    id: "order-2",
    to: "ben@example.com",
    subject: "Red shoes",
    body: "x",
  });
  await server.post("/api/v1/messages/sms", { id: "code-1", to: "+15550101000", body: "Your code" });
  const page = await it.page("#/");
  const field = page.getByRole("searchbox", { name: "Find messages" });
  await field.fill("blue sh");
  await field.press("Enter");
  const found = page.getByRole("table", { name: "Messages found" });
  await found.getByRole("link", { name: "order-1" }).waitFor();
  assert.equal(await found.getByRole("row").count(), 2);
  assert.ok(!(await found.innerText()).includes("anna@"), "recipients are masked");
  await field.fill("code-1");
  await page.getByRole("button", { name: "Search", exact: true }).click();
  await found.getByRole("link", { name: "code-1" }).click();
  await page.getByRole("heading", { level: 1, name: "code-1" }).waitFor();
  await page.getByText("Your code").first().waitFor();
});

scene("what is not there is said", async (it) => {
  const page = await it.page("#/search?q=nothing-like-it");
  await page
    .getByRole("status")
    .getByText(/Nothing was found; 0 messages looked at/)
    .waitFor();
  it.expect(/status of 404/);
  await page.goto(`${(await it.server()).url}/#/messages/email/nobody`);
  await page.getByText("Nothing is known of this id").waitFor();
});

scene("recipients are masked until somebody asks, which is logged", async (it) => {
  const server = await it.server();
  await server.post("/api/v1/messages/email", {
    id: "order-1",
    to: "anna@example.com",
    subject: "Hello",
    body: "Hi",
  });
  const page = await it.page("#/messages/email/order-1");
  await page.getByRole("button", { name: "Show recipients" }).waitFor();
  assert.ok(!(await page.content()).includes("anna@example.com"));
  await page.getByRole("button", { name: "Show recipients" }).click();
  await page.getByText("anna@example.com").first().waitFor();
  await server.program.event("api_revealed", (line) => line.path.includes("order-1"));
});

scene("its life is a time line: enqueued, refused twice, given up", async (it) => {
  const server = await it.server();
  const smtp = await it.smtp();
  smtp.hold();
  await server.post("/api/v1/messages/email", {
    id: "order-1",
    to: "anna@example.com",
    subject: "Hello",
    body: "Hi",
  });
  const page = await it.page("#/messages/email/order-1");
  const life = page.getByRole("region", { name: "What became of it" });
  await life.getByText("Enqueued").waitFor();
  await it.worker({}, smtp);
  await life.getByText(/Being sent/).waitFor();
  smtp.release();
  await life.getByText("Sent").waitFor();
  await page.getByText("What was sent is not kept.").waitFor();

  smtp.refusesRecipients = /^gone/;
  await server.post("/api/v1/messages/email", {
    id: "order-2",
    to: "gone@example.com",
    subject: "Hello",
    body: "Hi",
  });
  await page.goto(`${server.url}/#/messages/email/order-2`);
  await life.getByText(/Given up: it was refused for good/).waitFor();
  await life.getByText(/550 5\.1\.1 mailbox does not exist/).waitFor();
  const entries = await life.getByRole("listitem").allInnerTexts();
  assert.match(entries[0], /\d\d:\d\d:\d\d\s+Enqueued/);
  await page.getByRole("link", { name: /Its dead letter/ }).click();
  await page.getByRole("heading", { level: 1, name: "order-2" }).waitFor();
  await page.getByRole("button", { name: "Requeue…" }).waitFor();
});

scene("a delayed message is rescheduled and cancelled", async (it) => {
  const server = await it.server();
  const due = Date.now() + 5 * HOUR;
  const message = { to: "anna@example.com", subject: "Later", body: "Hi", send_at: due };
  await server.post("/api/v1/messages/email", { id: "order-1", ...message });
  await server.post("/api/v1/messages/email", { id: "order-2", ...message });
  const page = await it.page("#/queues/email/delayed");
  const table = page.getByRole("table", { name: "Delayed messages" });
  await table.getByRole("row").filter({ hasText: "order-1" }).getByText("scheduled").waitFor();
  await table.getByRole("button", { name: "Cancel order-2" }).click();
  await press(page, "Cancel order-2", "Cancel this message");
  await told(page, "order-2 is cancelled");
  await table.getByText("order-2").waitFor({ state: "detached" });

  await table.getByRole("link", { name: "order-1" }).click();
  await page.getByText("Delayed until").waitFor();
  await page.getByRole("button", { name: "Reschedule order-1" }).click();
  const dialog = page.getByRole("dialog", { name: "Reschedule order-1" });
  // of the viewer's zone, an hour or two ahead of UTC
  await dialog.getByLabel("Time, of Europe/Berlin").fill("2040-01-02T10:30:00");
  await press(page, "Reschedule order-1", "Reschedule");
  await told(page, /order-1 is sent at 2 Jan 2040, 10:30:00/);
  const { due: kept } = await server.json("/api/v1/messages/email/order-1");
  assert.equal(kept, Date.parse("2040-01-02T09:30:00Z"));

  await page.getByRole("button", { name: "Reschedule order-1" }).click();
  await dialog.getByLabel("Now").check();
  await press(page, "Reschedule order-1", "Reschedule");
  await told(page, "order-1 is sent as soon as a worker is free");
  const worker = await it.worker();
  await worker.event("message_sent", (line) => line.id === "order-1");
  await page.getByRole("region", { name: "What became of it" }).getByText("Sent").waitFor();
});

scene("what waits is listed by lane, and cancelled", async (it) => {
  const redis = await it.redis();
  const server = await it.server();
  await redis.send("LPUSH", "queue:email:pending:high", mail({ subject: "urgent" }));
  await server.post("/api/v1/messages/email", {
    id: "order-1",
    to: "anna@example.com",
    subject: "Hello",
    body: "Hi",
  });
  const page = await it.page("#/queues/email");
  await page.getByRole("link", { name: "What waits" }).click();
  const table = page.getByRole("table", { name: "Waiting messages" });
  const row = table.getByRole("row").filter({ hasText: "order-1" });
  await row.getByText("pending").waitFor();
  await table.getByRole("row").filter({ hasText: "urgent" }).getByText("high").waitFor();
  await row.getByRole("button", { name: "Cancel order-1" }).click();
  await press(page, "Cancel order-1", "Cancel this message");
  await told(page, "order-1 is cancelled");
  const worker = await it.worker();
  await worker.event("message_sent");
  await table.waitFor({ state: "detached" });
  const { state } = await server.json("/api/v1/messages/email/order-1");
  assert.equal(state, "cancelled");
});

scene("a test message is put in, and followed until it is sent", async (it) => {
  const smtp = await it.smtp();
  await it.worker({}, smtp);
  const page = await it.page("#/enqueue?queue=email");
  await page.getByRole("button", { name: "Mail with an id" }).click();
  await page.getByRole("button", { name: "Enqueue", exact: true }).click();
  await page.getByRole("link", { name: /What becomes of test-1/ }).click();
  await page.getByRole("region", { name: "What became of it" }).getByText("Sent").waitFor();
  assert.match(smtp.mails[0], /^Subject: Test\r$/m);
});

scene("what a worker could not use is not put in, and said", async (it) => {
  const redis = await it.redis();
  const page = await it.page("#/enqueue?queue=email");
  const text = page.getByLabel("Message (JSON)");
  await text.fill("{");
  await page.getByText(/^No JSON/).waitFor();
  assert.ok(await page.getByRole("button", { name: "Enqueue", exact: true }).isDisabled());
  it.expect(/status of 4(00|22)/);
  await text.fill('{"subject":"to nobody"}');
  await page.getByRole("button", { name: "Enqueue", exact: true }).click();
  await page
    .getByRole("alert")
    .getByText(/^Nothing was put in/)
    .waitFor();
  assert.equal(await redis.send("LLEN", "queue:email:pending"), 0);
});
