/** A shop's queues on a day with trouble. All made up. */

import { dead, mail } from "./messages.mjs";

/** @import { Redis } from "./redis.mjs" */
/** @import { Scene } from "./scene.mjs" */

const MINUTE = 60_000;
const SUBJECTS = [
  (/** @type {number} */ n) => `Your order ${48_000 + n} is on its way`,
  () => "Reset your password",
  (/** @type {number} */ n) => `Invoice ${2_000 + n}`,
  () => "Welcome to Example Shop",
  () => "Your booking is confirmed",
];

/** What has failed: how often, and how. @type {[count: number, delivery: Record<string, string>][]} */
const FAILURES = [
  [812, {}],
  [
    203,
    {
      reason: "retries_exhausted",
      class: "retry",
      code: "451",
      error: "DATA: 451 4.7.1 greylisted, try again later",
    },
  ],
  [97, { code: "552", error: "RCPT TO: 552 5.2.2 mailbox is full" }],
  [
    41,
    { reason: "expired", class: "expired", code: "", provider: "", error: "expired before it could be sent" },
  ],
  [9, { reason: "malformed", class: "malformed", code: "", provider: "", error: "to: not an address" }],
  [3, { reason: "in_doubt", class: "in_doubt", code: "", error: "the answer to DATA never came" }],
];

/** @param {number} n */
const message = (n) => ({
  id: `order-${48_000 + n}`,
  to: `customer${n}@example.com`,
  subject: SUBJECTS[n % SUBJECTS.length](n),
  body: "Thank you for shopping with us.",
});

/** A number of 0 to 1 that is the same each time. @param {number} n */
const chance = (n) => Math.abs(Math.sin(n * 12.9898) * 43_758.5453) % 1;

/** @param {Redis} redis */
async function fillDeadLetters(redis) {
  const now = Date.now();
  const letters = FAILURES.flatMap(([count, delivery], kind) =>
    Array.from({ length: count }, (_, n) => ({
      at: now - chance(n + kind * 1_000) * 4_000 * MINUTE,
      delivery,
    })),
  );
  letters.sort((a, b) => a.at - b.at);
  const bytes = letters.map(({ at, delivery }, n) =>
    dead(message(n), { ...delivery, dead_at: new Date(at).toISOString() }),
  );
  await redis.send("LPUSH", "queue:email:dead_letter", ...bytes);
}

/**
 * Email whose SMTP server refuses the login, SMS that flows, WhatsApp that is paused; schedules, dead letters, what is
 * to be sent later.
 *
 * @param {Scene} it
 */
export async function demo(it) {
  const redis = await it.redis();
  await fillDeadLetters(redis);
  for (const [queue, sent] of [
    ["email", "148210"],
    ["sms", "90451"],
    ["whatsapp", "7312"],
  ]) {
    await redis.send("HSET", `queue:${queue}:counters`, "sent", sent);
  }
  const waiting = Array.from({ length: 1_204 }, (_, n) => mail(message(2_000 + n)));
  await redis.send("LPUSH", "queue:email:pending", ...waiting);
  await redis.send(
    "LPUSH",
    "queue:email:pending:high",
    mail({ ...message(1), subject: "Reset your password" }),
  );
  const texts = Array.from({ length: 40 }, (_, n) =>
    JSON.stringify({ id: `code-${n}`, to: `+1555010${1_000 + n}`, body: "Your code is 1234" }),
  );
  await redis.send("LPUSH", "queue:sms:pending", ...texts);
  await it.queuectl("pause", "--queue", "whatsapp", "--for", "2h", "--note", "new sender is being approved");
  for (const [name, queue, pattern] of [
    ["daily-digest", "email", "0 7 * * *"],
    ["invoice-reminder", "email", "30 9 * * MON"],
    ["stock-alert", "sms", "*/15 * * * *"],
  ]) {
    const content =
      queue === "email"
        ? '{"to":"team@example.com","subject":"Digest","body":"..."}'
        : '{"to":"+15550101000","body":"..."}';
    await it.queuectl(
      "schedule",
      "add",
      name,
      content,
      "--queue",
      queue,
      "--pattern",
      pattern,
      "--timezone",
      "Europe/Berlin",
    );
  }
  const server = await it.server();
  for (let n = 0; n < 25; n++) {
    const sendAt = new Date(Date.now() + (n + 1) * 37 * MINUTE).toISOString();
    await server.post("/api/v1/messages/email", { ...message(5_000 + n), send_at: sendAt });
  }
  const smtp = await it.smtp();
  smtp.refusesLogin = true;
  const mailer = await it.worker({ WORKER_ID: "mail-1", CONCURRENCY: "4" }, smtp);
  await mailer.event("breaker_opened");
  await it.worker({ WORKER_ID: "mail-2", CONCURRENCY: "4" }, smtp);
  await it.worker({ WORKER_ID: "text-1", RATE_LIMIT_MAX: "8" }, undefined, "sms-worker");
  return { redis, server };
}
