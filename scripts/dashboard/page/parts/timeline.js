/** What happened, in its order. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { shown } from "../format.js";
import { timeAt } from "./time.js";

/** @typedef {{ at: number | string | null, words: unknown, detail?: string | null, kind?: "bad" | "warn" | "good" | "" }} Entry */

/** @param {Entry[]} entries @param {string} [title] */
export function timeline(entries, title = "Its life") {
  return html`<section class="panel" aria-labelledby="life">
    <h2 id="life">${title}</h2>
    <ol class="life">
      ${entries.map(
        ({ at, words, detail, kind = "" }) =>
          html`<li class=${kind}>
            <span class="at">${timeAt(instant(at), { seconds: true })}</span>
            <div>${words} ${detail ? html`<p class="muted"><bdi>${shown(detail)}</bdi></p>` : nothing}</div>
          </li>`,
      )}
    </ol>
  </section>`;
}

/** @param {number | string | null} at */
export function instant(at) {
  const ms = typeof at === "string" ? Date.parse(at) : at;
  return ms === null || Number.isNaN(ms) ? null : ms;
}
