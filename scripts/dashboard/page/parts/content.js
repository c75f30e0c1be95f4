/** What a message says: its fields, its text, its HTML in a frame of its own, and the whole as JSON. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { address } from "../api.js";
import { shown } from "../format.js";
import { write } from "./json.js";

/** @import { Template } from "../types.js" */
/** @typedef {{ message: any, text: string | null, hasHtml: boolean, htmlUrl: string, revealed: boolean, reveal: () => void }} Content */

/** Shown first, in this order. */
const FIELDS = [
  "to",
  "cc",
  "bcc",
  "from",
  "reply_to",
  "subject",
  "send_at",
  "expires_at",
  "max_retries",
  "content_sid",
];

/** @param {Content} content */
export function content({ message, text, hasHtml, htmlUrl, revealed, reveal }) {
  const source = message === null ? (text ?? "") : write(message);
  const isObject = message !== null && typeof message === "object" && !Array.isArray(message);
  const body = isObject ? (message.body ?? message.message) : null;
  return html`<section class="panel" aria-labelledby="content">
    <div class="row spread">
      <h2 id="content">Message</h2>
      ${
        revealed
          ? html`<span class="tag warn">recipients shown</span>`
          : html`<button @click=${reveal}>Show recipients</button>`
      }
    </div>
    ${isObject ? fields(message) : html`<p class="muted">It is no JSON object.</p>`}
    ${
      typeof body === "string"
        ? html`<h3>Text</h3>
            <pre class="body" tabindex="0" aria-label="Text of the message"><bdi>${shown(body)}</bdi></pre>`
        : nothing
    }
    ${
      hasHtml
        ? html`<h3>HTML</h3>
            <iframe class="mail" sandbox title="HTML of the message" src=${address(htmlUrl)}></iframe>
            <p class="muted">Nothing in it runs, and nothing of it is loaded from elsewhere.</p>`
        : nothing
    }
    <details>
      <summary>Source</summary>
      <pre tabindex="0" aria-label="Source of the message"><bdi>${shown(source)}</bdi></pre>
    </details>
  </section>`;
}

/** Shown elsewhere. */
const APART = ["body", "html", "_delivery", "id"];

/** Fields that are shown; the source has all. */
const MOST = 60;

/** Characters of a field that are shown. */
const LONGEST = 300;

/** @param {any} message */
function fields(message) {
  const others = Object.keys(message).filter((name) => !FIELDS.includes(name) && !APART.includes(name));
  const there = [...FIELDS, ...others]
    .filter((name) => message[name] !== undefined && message[name] !== null)
    .slice(0, MOST);
  return html`<dl class="head">
    ${there.map(
      (name) =>
        html`<div>
          <dt><bdi>${shown(name)}</bdi></dt>
          <dd><bdi>${shown(cut(words(message[name])))}</bdi></dd>
        </div>`,
    )}
  </dl>`;
}

/** @param {string} text */
const cut = (text) => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);

/** @param {unknown} value @returns {string} */
const words = (value) =>
  Array.isArray(value)
    ? value.map(words).join(", ")
    : typeof value === "object"
      ? JSON.stringify(value)
      : String(value);
