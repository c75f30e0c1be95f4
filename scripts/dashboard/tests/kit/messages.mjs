/** Made-up messages. */

/** @param {Record<string, unknown>} [more] */
export const mail = (more = {}) =>
  JSON.stringify({ to: "user@example.com", subject: "Hello", body: "Hi", ...more });

/**
 * A dead letter as a worker leaves it.
 *
 * @param {Record<string, unknown>} [message] @param {Record<string, unknown>} [delivery]
 */
export function dead(message = {}, delivery = {}) {
  const at = new Date(Date.now() - 60_000).toISOString();
  const why = { error: "RCPT TO: 550 5.1.1 mailbox does not exist", code: "550", provider: "smtp" };
  const told = { ...why, ...delivery };
  const attempt = { at, error: told.error, code: told.code, provider: told.provider };
  const rest = { attempts: [attempt], dead_at: at, worker: "host-1", ref: "r.1", lane: "pending" };
  return mail({ ...message, _delivery: { reason: "reject", class: "reject", ...rest, ...told } });
}
