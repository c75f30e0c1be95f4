/** What became of an id, in words. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { count, shown } from "../format.js";

/** @import { Status } from "../types.js" */
/** @import { Entry } from "./timeline.js" */

/** @type {Record<string, [kind: "" | "good" | "bad" | "warn", words: string]>} */
const STATES = {
  waiting: ["", "waiting"],
  sending: ["warn", "being sent"],
  delayed: ["warn", "delayed"],
  sent: ["good", "sent"],
  dead: ["bad", "given up"],
  cancelled: ["", "cancelled"],
};

/** @param {string} state */
export function state(state) {
  const [kind, words] = STATES[state] ?? ["", shown(state)];
  return html`<span class="tag ${kind}">${words}</span>`;
}

/** @param {Status} status @returns {Entry[]} */
export function life(status) {
  const { enqueued_at, log, attempts, due, began, lease_ends, reason, error, provider_id, ended, at } =
    status;
  /** @type {Entry[]} */
  const entries = [];
  if (enqueued_at !== undefined) entries.push({ at: enqueued_at, words: "Enqueued" });
  for (const { at, error, code, provider } of log) {
    const by = [provider, code].filter(Boolean).join(" ");
    entries.push({
      at,
      words: `Attempt failed${by === "" ? "" : `: ${shown(by)}`}`,
      detail: error,
      kind: "warn",
    });
  }
  switch (status.state) {
    case "waiting":
      entries.push({ at, words: "Waits to be sent" });
      break;
    case "delayed":
      entries.push({
        at: due ?? at,
        words: attempts === 0 ? "Is due then" : `Is tried again then, after ${count(attempts, "attempt")}`,
        detail: log.length === 0 ? error : null,
      });
      break;
    case "sending":
      entries.push({
        at: began ?? at,
        words: "Is being sent",
        detail:
          lease_ends === undefined
            ? null
            : `its lease ends ${new Date(lease_ends).toLocaleTimeString("en-GB")}`,
        kind: "warn",
      });
      break;
    case "sent":
      entries.push({
        at: ended ?? at,
        words: html`Sent${provider_id ? html`, as <bdi class="mono">${shown(provider_id)}</bdi>` : nothing}`,
        kind: "good",
      });
      break;
    case "dead":
      entries.push({
        at: ended ?? at,
        words: `Given up${reason ? `: ${shown(reason)}` : ""}`,
        detail: error,
        kind: "bad",
      });
      break;
    case "cancelled":
      entries.push({ at: ended ?? at, words: "Cancelled: it is never sent" });
      break;
  }
  return entries;
}
