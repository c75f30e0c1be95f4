/** What is wrong, in words. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { count, number, shown } from "../format.js";
import { timeAgo, timeAt } from "./time.js";

/** @import { Alert, Overview, Session } from "../types.js" */

/** Alerts that are shown without being asked for, the worst first. */
const MOST = 6;

/** @param {{ overview: Overview | null, lost: number | null, now: number, session: Session }} shell */
export function banner({ overview, lost, now, session }) {
  const connection =
    lost === null
      ? nothing
      : html`<p class="bad">
          The connection to this server is lost since ${timeAt(lost)}; trying again. What is shown is of then.
        </p>`;
  const another =
    overview && overview.version !== session.version
      ? html`<p class="warn">
          The server is now of version ${overview.version}, this page of ${session.version}:
          <button class="quiet" @click=${() => location.reload()}>Load it again</button>
        </p>`
      : nothing;
  const told = (overview?.alerts ?? []).map(
    (alert) => html`<p class=${alert.level}>${words(alert, now)}</p>`,
  );
  const more = told.slice(MOST);
  return html`<div class="banner" role="alert" aria-relevant="additions">
    ${connection} ${another} ${told.slice(0, MOST)}
    ${
      more.length === 0
        ? nothing
        : html`<details>
            <summary>and ${number(more.length)} more</summary>
            ${more}
          </details>`
    }
  </div>`;
}

/** @param {string} text */
const because = (text) => (text === "" ? nothing : html`: <bdi>${shown(text)}</bdi>`);

/** @param {number | null} ms */
const since = (ms) => (ms === null ? nothing : html` since ${timeAt(ms)}`);

/** @param {number} n */
const wait = (n) => (n === 0 ? nothing : html`, ${count(n, "message waits", "messages wait")}`);

/** @param {number | null} ms @param {number} now @param {string} otherwise */
const until = (ms, now, otherwise) =>
  ms === null ? otherwise : html`until ${timeAt(ms)} (${timeAgo(ms, now)})`;

/** What the provider's words come to. @param {string} text */
const trouble = (text) =>
  /^AUTH: 5/.test(text)
    ? "SMTP login refused"
    : /\b(20003|InvalidClientTokenId)\b/.test(text)
      ? "the provider refuses the login"
      : "the provider fails";

/** One sentence; `named` says which queue it is about. @param {Alert} alert @param {number} now @param {boolean} [named] */
export function words(alert, now, named = true) {
  const name =
    alert.queue === null || !named
      ? nothing
      : html`<a href="#/queues/${encodeURIComponent(alert.queue)}"><bdi>${shown(alert.queue)}</bdi></a
          >: `;
  switch (alert.kind) {
    case "redis_away":
      return html`Redis is away${since(alert.since)}; the numbers are of then${because(alert.text)}`;
    case "breaker":
      return html`${name}${trouble(alert.text)}${since(alert.since)}${wait(alert.waiting)}${because(alert.text)}`;
    case "no_worker":
      return html`${name}no worker serves this queue${wait(alert.waiting)}`;
    case "broken_queue":
      return html`${name}cannot be counted, ask <code>queuectl doctor</code>${because(alert.text)}`;
    case "late_worker":
      return html`${name}a worker is silent${since(alert.since)}${because(alert.text)}`;
    case "paused":
      return html`${name}paused
      ${until(alert.until, now, "until somebody resumes")}${wait(alert.waiting)}${because(alert.text)}`;
    case "intake_paused":
      return html`${name}takes no new messages${since(alert.since)}, until somebody resumes the
      intake${because(alert.text)}`;
    case "throttled":
      return html`${name}the provider asks everybody to wait ${until(alert.until, now, "")}`;
    default:
      return html`${name}${because(alert.text)}`;
  }
}
