/** What each address shows. */

import * as dead from "./views/dead.js";
import * as enqueue from "./views/enqueue.js";
import * as letter from "./views/letter.js";
import * as message from "./views/message.js";
import * as messages from "./views/messages.js";
import * as overview from "./views/overview.js";
import * as queue from "./views/queue.js";
import * as schedules from "./views/schedules.js";
import * as search from "./views/search.js";
import * as workers from "./views/workers.js";

/** @import { Context, View } from "./types.js" */
/** @typedef {{ open(ctx: Context): View }} Module */
/** @typedef {{ path: string, section: string, module: Module, params: Record<string, string>, query: URLSearchParams }} Place */

/** @type {[pattern: string, section: string, module: Module, more?: Record<string, string>][]} */
const ROUTES = [
  ["/", "queues", overview],
  ["/queues/:queue", "queues", queue],
  ["/queues/:queue/waiting", "queues", messages, { state: "waiting" }],
  ["/queues/:queue/delayed", "queues", messages, { state: "delayed" }],
  ["/queues/:queue/dead", "queues", dead],
  ["/queues/:queue/dead/:key", "queues", letter],
  ["/messages/:queue/:id", "search", message],
  ["/search", "search", search],
  ["/workers", "workers", workers],
  ["/schedules", "schedules", schedules],
  ["/enqueue", "enqueue", enqueue],
];

/** @param {string} hash @returns {Place | null} */
export function find(hash) {
  const [path, query = ""] = split(hash.replace(/^#/, "") || "/");
  for (const [pattern, section, module, more] of ROUTES) {
    const params = match(pattern, path);
    if (params)
      return { path, section, module, params: { ...params, ...more }, query: new URLSearchParams(query) };
  }
  return null;
}

/** @param {string} text */
function split(text) {
  const at = text.indexOf("?");
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** @param {string} pattern @param {string} path @returns {Record<string, string> | null} */
function match(pattern, path) {
  const names = pattern.split("/");
  const parts = path.split("/");
  if (names.length !== parts.length) return null;
  /** @type {Record<string, string>} */
  const params = {};
  for (const [at, name] of names.entries()) {
    if (!name.startsWith(":")) {
      if (name !== parts[at]) return null;
      continue;
    }
    try {
      params[name.slice(1)] = decodeURIComponent(parts[at]);
    } catch {
      return null;
    }
    if (parts[at] === "") return null;
  }
  return params;
}
