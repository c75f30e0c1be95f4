/** Every view of the page, for what must hold in all of them. */

/** @import { Redis } from "./redis.mjs" */
/** @import { Server } from "./serve.mjs" */

/**
 * Name and address of each view, of what `demo` has made.
 *
 * @param {Server} server
 * @returns {Promise<[name: string, hash: string][]>}
 */
export async function views(server) {
  const { letters } = await server.json("/api/v1/queues/email/dead?limit=1");
  const [{ key, near }] = letters;
  return [
    ["overview", "#/"],
    ["queue", "#/queues/email"],
    ["waiting", "#/queues/email/waiting"],
    ["delayed", "#/queues/email/delayed"],
    ["dead", "#/queues/email/dead"],
    ["letter", `#/queues/email/dead/${key}?near=${near}`],
    ["message", "#/messages/email/order-53000"],
    ["search", "#/search?q=order-48"],
    ["workers", "#/workers"],
    ["schedules", "#/schedules"],
    ["enqueue", "#/enqueue?queue=email"],
    ["missing", "#/nowhere"],
  ];
}
