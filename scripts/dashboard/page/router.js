/** What each address shows. */

/** @import { Context, View } from "./types.js" */
/** @typedef {{ open(ctx: Context): View }} Module */
/** @typedef {{ path: string, section: string, load: () => Promise<Module>, params: Record<string, string>, query: URLSearchParams }} Place */

/** @type {[pattern: string, section: string, load: () => Promise<Module>, more?: Record<string, string>][]} */
const ROUTES = [
  ["/", "queues", () => import("./views/overview.js")],
  ["/queues/:queue", "queues", () => import("./views/queue.js")],
  ["/queues/:queue/waiting", "queues", () => import("./views/messages.js"), { state: "waiting" }],
  ["/queues/:queue/delayed", "queues", () => import("./views/messages.js"), { state: "delayed" }],
  ["/queues/:queue/dead", "queues", () => import("./views/dead.js")],
  ["/queues/:queue/dead/:key", "queues", () => import("./views/letter.js")],
  ["/messages/:queue/:id", "search", () => import("./views/message.js")],
  ["/search", "search", () => import("./views/search.js")],
  ["/workers", "workers", () => import("./views/workers.js")],
  ["/schedules", "schedules", () => import("./views/schedules.js")],
  ["/enqueue", "enqueue", () => import("./views/enqueue.js")],
];

/** @param {string} hash @returns {Place | null} */
export function find(hash) {
  const [path, query = ""] = split(hash.replace(/^#/, "") || "/");
  for (const [pattern, section, load, more] of ROUTES) {
    const params = match(pattern, path);
    if (params)
      return { path, section, load, params: { ...params, ...more }, query: new URLSearchParams(query) };
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
