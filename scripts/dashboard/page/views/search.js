/** Finds messages in all queues. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { read } from "../api.js";
import { UNKNOWN, count, shown } from "../format.js";
import { place } from "../parts/facts.js";
import { letterAt, messageAt, stateTag } from "../parts/message.js";
import { timeAgo, timeAt } from "../parts/time.js";

/** @import { Context, Found, Template, View } from "../types.js" */

/** @param {Context} ctx @returns {View} */
export function open(ctx) {
  const text = ctx.query.get("q")?.trim() ?? "";
  const only = ctx.query.get("queue") ?? "";
  /** @type {{ found: Found[], complete: boolean, looked_at: number } | null} */
  let answer = null;
  let fault = "";
  let busy = false;
  let stop = new AbortController();

  async function run() {
    if (text === "") return;
    stop.abort();
    const mine = (stop = new AbortController());
    busy = true;
    fault = "";
    ctx.redraw();
    const question = new URLSearchParams({ q: text, ...(only === "" ? {} : { queue: only }) });
    try {
      const found = await read(`/api/v1/search?${question}`, { fresh: true, signal: mine.signal });
      if (mine.signal.aborted) return;
      answer = found;
    } catch (error) {
      if (mine.signal.aborted) return;
      answer = null;
      fault = error instanceof Error ? error.message : String(error);
    }
    busy = false;
    ctx.redraw();
  }
  void run();

  /** @param {SubmitEvent} event */
  function submit(event) {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    const q = String(form.get("q")).trim();
    const queue = String(form.get("queue"));
    if (q === "") return;
    if (q === text && queue === only) return void run();
    ctx.go(`#/search?${new URLSearchParams({ q, ...(queue === "" ? {} : { queue }) })}`);
  }

  return {
    title: text === "" ? "Search" : `Search: ${text}`,
    close: () => stop.abort(),
    draw: () =>
      html`<h1>Search</h1>
        <form class="row find" aria-label="Messages" @submit=${submit}>
          <label class="field stretched">
            <span>Part of an id, a recipient or a subject</span>
            <input type="search" name="q" required maxlength="200" spellcheck="false" .value=${text} />
          </label>
          <label class="field">
            <span>Queue</span>
            <select name="queue">
              <option value="" .selected=${only === ""}>all queues</option>
              ${queues().map((name) => html`<option value=${name} .selected=${name === only}>${shown(name)}</option>`)}
            </select>
          </label>
          <button class="primary">Find messages</button>
        </form>
        <p role="status" class="muted">${tell()}</p>
        ${fault === "" ? nothing : html`<p class="fault" role="alert"><bdi>${fault}</bdi></p>`}
        ${answer && answer.found.length > 0 ? results(answer.found) : nothing}`,
  };

  function queues() {
    const all = new Set(ctx.overview()?.queues.map((one) => one.queue));
    if (only !== "") all.add(only);
    return [...all].sort();
  }

  /** @returns {Template | string} */
  function tell() {
    if (busy) return html`<span class="spin"></span>Searching…`;
    if (answer) {
      const found =
        answer.found.length === 0 ? "Nothing was found" : `${count(answer.found.length, "message")} found`;
      const looked = `${count(answer.looked_at, "message")} looked at`;
      if (answer.complete)
        return `${found}; ${looked}. Of what was sent only its id is known, and for a while.`;
      return html`${found}. <strong>Not everything was looked at:</strong> ${looked}; one search goes no
        further than 1,000 of each kind and 10,000 dead letters of a queue, 200 that are found, and 0.8 s. By
        its whole id a message is found wherever it is.`;
    }
    if (fault !== "") return nothing;
    return "By its whole id a message is found wherever it is; by a part of its id, recipient or subject while it waits, is being sent, is delayed or given up.";
  }

  /** @param {Found[]} found */
  function results(found) {
    return html`<div class="panel">
      <div class="scroll" role="region" tabindex="0" aria-label="What was found">
        <table class="data messages">
          <caption class="sr">
            Messages found
          </caption>
          <thead>
            <tr>
              ${["Message", "State", "Queue", "Recipient", "Subject", "When"].map((name) => html`<th scope="col">${name}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${found.map(row)}
          </tbody>
        </table>
      </div>
    </div>`;
  }

  /** @param {Found} message */
  function row({ queue, id, reference, state, at, due, to, subject, key, near }) {
    const link = key !== null ? letterAt(queue, key, near) : id !== null ? messageAt(queue, id) : null;
    const name = id ?? reference ?? (key !== null ? "no id" : null);
    return html`<tr>
      <th scope="row" class="mono">
        ${
          link === null
            ? html`<bdi class="muted">${name === null ? "no id" : shown(name)}</bdi>`
            : html`<a href=${link}><bdi>${shown(name)}</bdi></a>`
        }
      </th>
      <td>${stateTag(state)}</td>
      <td>
        <a href=${place(queue)}><bdi>${shown(queue)}</bdi></a>
      </td>
      <td><bdi>${to === null ? UNKNOWN : shown(to)}</bdi></td>
      <td class="words"><bdi>${subject === null ? UNKNOWN : shown(subject)}</bdi></td>
      <td>
        ${due === null ? timeAt(at, { seconds: true }) : html`due ${timeAt(due, { seconds: true })}`}
        ${due === null && at === null ? nothing : html`<span class="muted">${timeAgo(due ?? at, ctx.now())}</span>`}
      </td>
    </tr>`;
  }
}
