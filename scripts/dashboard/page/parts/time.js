/** Times in templates. */

import { html } from "../vendor/lit-html/lit-html.js";
import { UNKNOWN, ago, when, whenExactly } from "../format.js";

/** @param {number} ms */
const iso = (ms) => new Date(ms).toISOString();

/** `12:03` in the viewer's zone; all of it on hover. @param {number | null | undefined} ms @param {{ seconds?: boolean }} [how] */
export const timeAt = (ms, how) =>
  ms == null
    ? html`${UNKNOWN}`
    : html`<time datetime=${iso(ms)} title=${whenExactly(ms)}>${when(ms, how)}</time>`;

/** `3 min ago`, `in 4 s`. @param {number | null | undefined} ms @param {number} now */
export const timeAgo = (ms, now) =>
  ms == null
    ? html`${UNKNOWN}`
    : html`<time datetime=${iso(ms)} title=${whenExactly(ms)}>${ago(ms, now)}</time>`;
