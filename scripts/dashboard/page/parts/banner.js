/** What is wrong, in words. */

import { html } from "../vendor/lit-html/lit-html.js";
import { timeAt } from "./time.js";

/** @import { Overview, Session } from "../types.js" */

/** @param {{ overview: Overview | null, lost: number | null, now: number, session: Session }} shell */
export function banner({ overview, lost }) {
  return html`<div class="banner" role="alert" aria-relevant="additions">
    ${lost === null ? "" : html`<p class="bad">The connection to this server is lost since ${timeAt(lost)}; trying again</p>`}
    ${overview?.alerts.map((alert) => html`<p class=${alert.level}>${alert.queue}: <bdi>${alert.text}</bdi></p>`) ?? ""}
  </div>`;
}
