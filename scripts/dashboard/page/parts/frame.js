/** What surrounds every view. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { number, zone } from "../format.js";
import { themeSwitch } from "./theme.js";

/** @import { Overview, Session } from "../types.js" */

/**
 * @param {{ session: Session, overview: Overview | null, section: string, signOut: () => void }} shell
 */
export function header({ session, overview, section, signOut }) {
  const link = (/** @type {string} */ to, /** @type {string} */ name, /** @type {number | undefined} */ n) =>
    html`<li>
      <a href="#/${to}" aria-current=${section === (to || "queues") ? "page" : nothing}
        >${name}${n === undefined ? nothing : html` <span class="count">${number(n)}</span>`}</a
      >
    </li>`;
  return html`<header class="top">
    <a class="brand" href="#/"><span class="mark" aria-hidden="true"></span>redispatch</a>
    <nav aria-label="Sections">
      <ul>
        ${link("", "Queues", overview?.queues.length)} ${link("workers", "Workers", overview?.workers.length)}
        ${link(
          "schedules",
          "Schedules",
          overview?.queues.reduce((sum, queue) => sum + queue.schedules.length, 0),
        )}
        ${session.read_only ? nothing : link("enqueue", "Enqueue", undefined)}
      </ul>
    </nav>
    <form role="search" @submit=${search}>
      <input
        type="search"
        name="q"
        aria-label="Find messages"
        placeholder="Find messages: id, recipient, subject"
      />
      <button aria-label="Search">
        <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
          <circle cx="8.5" cy="8.5" r="5.5" fill="none" stroke="currentColor" stroke-width="2" />
          <path d="M13 13l5 5" stroke="currentColor" stroke-width="2" stroke-linecap="round" />
        </svg>
      </button>
    </form>
    ${session.read_only ? html`<span class="chip">Read-only</span>` : nothing}
    ${session.login === "needed" ? html`<button class="plain" @click=${signOut}>Sign out</button>` : nothing}
  </header>`;
}

/** @param {SubmitEvent} event */
function search(event) {
  event.preventDefault();
  const form = /** @type {HTMLFormElement} */ (event.currentTarget);
  const text = String(new FormData(form).get("q") ?? "").trim();
  if (text !== "") location.hash = `#/search?${new URLSearchParams({ q: text })}`;
}

/** @param {{ session: Session }} shell */
export function footer({ session }) {
  return html`<footer class="bottom">
    <span>redispatch ${session.version}</span>
    <span>Times are of ${zone}</span>
    <a href="api/openapi.json">API</a>
    ${themeSwitch()}
  </footer>`;
}
