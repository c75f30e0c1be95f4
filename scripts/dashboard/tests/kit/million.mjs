/** Very many dead letters. */

// The oldest first, as they come: `order-1`, `order-2`, … of three kinds.
const FILL = `
local kinds = {
  {'reject', '550', 'RCPT TO: 550 5.1.1 mailbox does not exist'},
  {'retry', '451', 'DATA: 451 4.3.0 try again later'},
  {'expired', '', 'it was to be sent before it could be'},
}
for n = ARGV[1], ARGV[2] do
  local kind = kinds[n % 3 + 1]
  redis.call('LPUSH', KEYS[1], string.format(
    '{"id":"order-%d","to":"user%d@example.com","subject":"Your order %d","body":"Thank you.","retries":0,' ..
    '"_delivery":{"reason":"%s","class":"%s","code":"%s","provider":"smtp","error":"%s",' ..
    '"dead_at":"2026-01-02T03:04:05.000Z","worker":"host-1","ref":"r.%d","lane":"pending"}}',
    n, n, n, kind[1], kind[1], kind[2], kind[3], n))
end`;

/** @param {import("./redis.mjs").Redis} redis @param {number} count */
export async function fill(redis, count) {
  await redis.send("CONFIG", "SET", "appendonly", "no");
  const chunk = 20_000;
  for (let from = 1; from <= count; from += chunk) {
    const to = Math.min(from + chunk - 1, count);
    await redis.send("EVAL", FILL, "1", "queue:email:dead_letter", `${from}`, `${to}`);
  }
}
