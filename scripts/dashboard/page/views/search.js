/** Finds messages in all queues. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { read } from "../api.js";
import { count, number, shown } from "../format.js";
import { place } from "../parts/facts.js";
import { state } from "../parts/life.js";
import { timeAt } from "../parts/time.js";

/** @import { Context, Found, View } from "../types.js" */

/** @param {Context} ctx @returns {View} */
export function open(ctx) {
  const text = ctx.query.get("q") ?? "";
  const queue = ctx.query.get("queue") ?? "";
  /** @type {{ found: Found[], complete: boolean, looked_at: number } | null} */
  let answer = null;
  let fault = "";

  async function load() {
    const query = new URLSearchParams({ q: text });
    if (queue !== "") query.set("queue", queue);
    try {
      answer = await read(`/api/v1/search?${query}`, { fresh: true });
    } catch (error) {
      fault = error instanceof Error ? error.message : String(error);
    }
    ctx.redraw();
  }
  if (text !== "") void load();

  /** @param {SubmitEvent} event */
  const submit = (event) => {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    const query = new URLSearchParams({ q: String(form.get("q") ?? "").trim() });
    const chosen = String(form.get("queue") ?? "");
    if (chosen !== "") query.set("queue", chosen);
    ctx.go(`#/search?${query}`);
  };

  return {
    title: "Search",
    draw() {
      const queues = ctx.overview()?.queues.map((one) => one.queue) ?? [];
      return html`<h1>Search</h1>
        <form class="wide panel" @submit=${submit}>
          <label class="field">
            <span>Id, reference, recipient or subject</span>
            <input type="search" name="q" .value=${text} required />
          </label>
          <label class="field">
            <span>Queue</span>
            <select name="queue">
              <option value="">all</option>
              ${queues.map((name) => html`<option value=${name} ?selected=${name === queue}>${shown(name)}</option>`)}
            </select>
          </label>
          <div><button class="primary">Search</button></div>
        </form>
        ${fault === "" ? nothing : html`<p class="fault" role="alert">${fault}</p>`}
        ${text === "" || fault !== "" ? nothing : results()}`;
    },
  };

  function results() {
    if (!answer) return html`<p class="muted" role="status">Searching…</p>`;
    const { found, complete, looked_at } = answer;
    const limits = complete
      ? `${number(looked_at)} messages were looked at, all there are.`
      : `Not everything was looked at: ids that are known, and ${number(looked_at)} messages.`;
    return html`<section class="panel" aria-labelledby="found">
      <h2 id="found" role="status">
        ${found.length === 0 ? "Nothing was found" : count(found.length, "message")}
      </h2>
      ${found.length === 0 ? nothing : table(found)}
      <p class="muted">${limits} What was sent is found by its id only.</p>
    </section>`;
  }

  /** @param {Found[]} found */
  const table = (found) =>
    html`<div class="scroll" role="region" tabindex="0" aria-label="Messages found">
      <table class="data">
        <caption class="sr">
          Messages found
        </caption>
        <thead>
          <tr>
            ${["Message", "Queue", "State", "To", "Subject", "When"].map((name) => html`<th scope="col">${name}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${found.map(row)}
        </tbody>
      </table>
    </div>`;

  /** @param {Found} one */
  function row(one) {
    const to = address(one);
    const name = shown(one.id ?? one.reference ?? "without a name");
    return html`<tr>
      <th scope="row" class="mono">
        ${to ? html`<a href=${to}><bdi>${name}</bdi></a>` : html`<bdi>${name}</bdi>`}
      </th>
      <td><bdi>${shown(one.queue)}</bdi></td>
      <td>${state(one.state)}</td>
      <td><bdi>${shown(one.to)}</bdi></td>
      <td class="words"><bdi>${shown(one.subject)}</bdi></td>
      <td>${timeAt(one.due ?? one.at)}</td>
    </tr>`;
  }
}

/** @param {Found} found */
function address({ queue, id, key, near }) {
  if (key !== null) return `${place(queue)}/dead/${key}${near === null ? "" : `?near=${near}`}`;
  return id === null ? null : `#/messages/${encodeURIComponent(queue)}/${encodeURIComponent(id)}`;
}
