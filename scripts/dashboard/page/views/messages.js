/** What waits in a queue, or is delayed. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { repeat } from "../vendor/lit-html/directives/repeat.js";
import { read } from "../api.js";
import { bytes, count, number, shown } from "../format.js";
import { place } from "../parts/facts.js";
import { actions, messageAt } from "../parts/message.js";
import { timeAgo, timeAt } from "../parts/time.js";

/** @import { Context, Listed, Template, View } from "../types.js" */

const LIMIT = 100;
const REFRESH_MS = 5_000;

/** @param {Context} ctx @returns {View} */
export function open(ctx) {
  const { queue, state } = ctx.params;
  const isDelayed = state === "delayed";
  const skip = Math.max(0, Math.floor(Number(ctx.query.get("skip"))) || 0);
  const here = `${place(queue)}/${state}`;
  const title = isDelayed ? "Delayed" : "Waiting";
  /** @type {{ total: number, messages: Listed[] } | null} */
  let page = null;
  let fault = "";
  let asked = 0;
  let turn = 0;

  async function load(fresh = false) {
    const mine = ++turn;
    asked = Date.now();
    const which = new URLSearchParams({ state, limit: String(LIMIT), skip: String(skip) });
    try {
      const found = await read(`/api/v1/messages/${encodeURIComponent(queue)}?${which}`, { fresh });
      if (mine !== turn) return;
      page = found;
      fault = "";
    } catch (error) {
      if (mine !== turn) return;
      fault = error instanceof Error ? error.message : String(error);
    }
    ctx.redraw();
  }
  void load();

  return {
    title: `${title} in ${queue}`,
    live() {
      if (!document.hidden && Date.now() - asked >= REFRESH_MS) void load();
    },
    close() {
      turn = -1;
    },
    draw: () =>
      html`<nav class="crumbs" aria-label="Breadcrumb">
          <a href="#/">Queues</a> / <a href=${place(queue)}><bdi>${shown(queue)}</bdi></a> / ${title}
        </nav>
        <h1>${isDelayed ? "What is delayed" : "What waits"} in <bdi>${shown(queue)}</bdi></h1>
        ${fault === "" ? nothing : html`<p class="fault" role="alert"><bdi>${fault}</bdi></p>`}
        ${page ? list(page.total, page.messages) : fault === "" ? html`<p class="muted" role="status">Looking…</p>` : nothing}`,
  };

  /** @param {number} total @param {Listed[]} messages @returns {Template} */
  function list(total, messages) {
    const order = isDelayed ? "those that are due first in front" : "the oldest of each lane";
    if (messages.length === 0)
      return html`<div class="panel empty stack">
        <p>
          ${total === 0 ? (isDelayed ? "Nothing is delayed." : "Nothing waits.") : `There are ${number(total)}, but none so far down.`}
        </p>
        ${skip > 0 ? html`<p><a href=${here}>To the first</a></p>` : nothing}
      </div>`;
    return html`<div class="panel">
      <p class="muted">${count(total, "message")} in all; ${order}.</p>
      <div class="scroll" role="region" tabindex="0" aria-label="Messages">
        <table class="data messages">
          <caption class="sr">
            ${isDelayed ? "Delayed messages" : "Waiting messages"}
          </caption>
          <thead>
            <tr>
              <th scope="col">Message</th>
              ${
                isDelayed
                  ? html`<th scope="col">Due</th>
                      <th scope="col">Because</th>`
                  : nothing
              }
              <th scope="col">Lane</th>
              <th scope="col">Recipient</th>
              <th scope="col">Subject</th>
              ${isDelayed ? nothing : html`<th scope="col" class="num">Size</th>`}
              ${ctx.session.read_only ? nothing : html`<th scope="col">Actions</th>`}
            </tr>
          </thead>
          <tbody>
            ${repeat(
              named(messages),
              (/** @type {[string, Listed]} */ [key]) => key,
              (/** @type {[string, Listed]} */ [, message]) => row(message),
            )}
          </tbody>
        </table>
      </div>
      ${pages(total, messages)}
    </div>`;
  }

  /** @param {Listed} message */
  function row({ id, reference, lane, to, subject, bytes: size, due, scheduled, retries }) {
    return html`<tr>
      <th scope="row" class="mono">
        ${
          id !== null
            ? html`<a href=${messageAt(queue, id)}><bdi>${shown(id)}</bdi></a>`
            : html`<bdi class="muted">${reference ? shown(reference) : "no id"}</bdi>`
        }
      </th>
      ${
        isDelayed
          ? html`<td>
                ${timeAt(due, { seconds: true })} <span class="muted">${timeAgo(due, ctx.now())}</span>
              </td>
              <td>${scheduled ? "scheduled" : `retry ${number(retries)}`}</td>`
          : nothing
      }
      <td>${shown(lane)}</td>
      <td><bdi>${shown(to)}</bdi></td>
      <td class="words"><bdi>${shown(subject)}</bdi></td>
      ${isDelayed ? nothing : html`<td class="num">${bytes(size)}</td>`}
      ${
        ctx.session.read_only
          ? nothing
          : html`<td>
              ${id === null ? html`<span class="muted">has no id</span>` : actions(ctx, queue, { id, due: due ?? null, look: "quiet" }, () => void load(true))}
            </td>`
      }
    </tr>`;
  }

  /** @param {number} total @param {Listed[]} messages @returns {Template} */
  function pages(total, messages) {
    // Of what waits, each lane has its own first hundred.
    const most = Math.max(
      ...["high", "pending", "low"].map((lane) => messages.filter((one) => one.lane === lane).length),
    );
    const isMore = isDelayed ? skip + messages.length < total : most >= LIMIT;
    if (skip === 0 && !isMore) return nothing;
    const before = Math.max(0, skip - LIMIT);
    return html`<nav class="row" aria-label="Pages">
      ${skip > 0 ? html`<a href="${here}${before > 0 ? `?skip=${before}` : ""}">Previous</a>` : nothing}
      <span class="muted"
        >${isDelayed ? `${number(skip + 1)} to ${number(skip + messages.length)}` : `from the ${ordinal(skip + 1)} of each lane`}</span
      >
      ${isMore ? html`<a href="${here}?skip=${skip + LIMIT}">Next</a>` : nothing}
    </nav>`;
  }
}

/** Each with a name of its own, so that its row stays its row. @param {Listed[]} messages @returns {[string, Listed][]} */
function named(messages) {
  /** @type {Map<string, number>} */
  const seen = new Map();
  return messages.map((message) => {
    const name = `${message.lane} ${message.reference ?? message.id ?? ""}`;
    const times = seen.get(name) ?? 0;
    seen.set(name, times + 1);
    return [`${name} ${times}`, message];
  });
}

/** `1st`; of hundreds and one. @param {number} n */
const ordinal = (n) => `${number(n)}${n % 10 === 1 && n % 100 !== 11 ? "st" : "th"}`;
