/** Which dead letters are meant, in words and in addresses. */

import { shown } from "../format.js";

/** @import { Filter } from "../types.js" */

/** What tells the kinds of letters apart. "" means: has none. */
export const KINDS = /** @type {const} */ (["reason", "class", "provider", "code"]);

/** @param {URLSearchParams} query @returns {Filter} */
export function filterOf(query) {
  /** @type {Record<string, string | number>} */
  const filter = {};
  for (const name of ["id", "error", ...KINDS]) {
    const value = query.get(name);
    if (value !== null && (value !== "" || KINDS.some((kind) => kind === name))) filter[name] = value;
  }
  for (const name of ["before", "since"]) {
    const value = Number(query.get(name) || NaN);
    if (Number.isFinite(value)) filter[name] = value;
  }
  return filter;
}

/** @param {Filter} filter */
export const isAll = (filter) => Object.keys(filter).length === 0;

/** @param {Filter} filter */
export const parameters = (filter) =>
  new URLSearchParams(Object.entries(filter).map(([name, value]) => [name, String(value)]));

/** `smtp 550 (reject)`. @param {Filter} filter */
export function inWords(filter) {
  const { reason, provider, code, class: outcome, error, id, before, since } = filter;
  const none = (/** @type {string | undefined} */ text, /** @type {string} */ what) =>
    text === undefined ? "" : text === "" ? `no ${what}` : shown(text);
  const parts = [
    none(provider, "provider"),
    none(code, "code"),
    reason === undefined ? "" : reason === "" ? "no reason" : `(${shown(reason)})`,
    outcome ? `outcome ${shown(outcome)}` : "",
    error ? `error with “${shown(error)}”` : "",
    id ? `id ${shown(id)}` : "",
    since === undefined ? "" : `since ${new Date(since).toLocaleString("en-GB")}`,
    before === undefined ? "" : `before ${new Date(before).toLocaleString("en-GB")}`,
  ].filter((part) => part !== "");
  return parts.length === 0 ? "all" : parts.join(" ");
}
