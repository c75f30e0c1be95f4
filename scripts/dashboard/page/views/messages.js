/** What waits, or what is delayed. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { change, read } from "../api.js";
import { bytes, number, shown } from "../format.js";
import { ask } from "../parts/dialog.js";
import { place } from "../parts/facts.js";
import { reschedule } from "../parts/reschedule.js";
import { timeAgo, timeAt } from "../parts/time.js";

/** @import { Context, View } from "../types.js" */
/** @typedef {{ id: string | null, reference?: string, lane: string, to: string | null, subject: string | null, bytes?: number, due?: number, scheduled?: boolean, retries?: number }} Message */

const PAGE = 100;
const REFRESH = 3_000;

/** @param {Context} ctx @returns {View} */
export function open(ctx) {
  const { queue, state } = ctx.params;
  const delayed = state === "delayed";
  const what = delayed ? "Delayed" : "Waiting";
  const skip = Math.max(0, Number(ctx.query.get("skip")) || 0);
  const base = `/api/v1/messages/${encodeURIComponent(queue)}`;
  /** @type {Message[] | null} */
  let messages = null;
  let total = 0;
  let fault = "";
  let asked = 0;

  async function load(fresh = false) {
    asked = Date.now();
    const query = new URLSearchParams({ state, limit: String(PAGE) });
    if (skip > 0) query.set("skip", String(skip));
    try {
      ({ messages, total } = await read(`${base}?${query}`, { fresh }));
      fault = "";
    } catch (error) {
      fault = error instanceof Error ? error.message : String(error);
    }
    ctx.redraw();
  }
  void load();

  /** @param {string} id */
  const cancel = async (id) => {
    const done = await ask({
      title: `Cancel ${id}`,
      body: html`<p>It is never sent, however many copies of it wait.</p>`,
      action: "Cancel the message",
      danger: true,
      run: async () => {
        await change("DELETE", `${base}/${encodeURIComponent(id)}`);
        return `${id} is cancelled`;
      },
    });
    if (done) void load(true);
  };
  /** @param {string} id */
  const move = async (id) => {
    if (await reschedule(`${base}/${encodeURIComponent(id)}`)) void load(true);
  };

  const columns = delayed
    ? ["Due", "Message", "To", "Subject", "Lane", "Why"]
    : ["Message", "To", "Subject", "Lane", "Size"];
  return {
    title: `${what} in ${queue}`,
    live() {
      if (Date.now() - asked >= REFRESH) void load();
    },
    draw: () =>
      html`<nav class="crumbs" aria-label="Breadcrumb">
          <a href="#/">Queues</a> / <a href=${place(queue)}><bdi>${shown(queue)}</bdi></a>
        </nav>
        <div class="row spread">
          <h1>${what} in <bdi>${shown(queue)}</bdi></h1>
          <p class="muted">${messages ? `${number(total)} in all` : nothing}</p>
        </div>
        ${fault === "" ? nothing : html`<p class="fault" role="alert">${fault}</p>`}
        <section class="panel" aria-label=${what}>${list()}</section>`,
  };

  function list() {
    if (!messages) return fault === "" ? html`<p class="muted" role="status">Looking…</p>` : nothing;
    if (messages.length === 0) return html`<p class="empty">${skip > 0 ? "No more." : "Nothing."}</p>`;
    const shownTo = skip + messages.length;
    return html`<div class="scroll" role="region" tabindex="0" aria-label="${what} messages">
        <table class="data">
          <caption class="sr">
            ${delayed ? "The first due in front" : "The oldest in front"}
          </caption>
          <thead>
            <tr>
              ${columns.map((name) => html`<th scope="col" class=${name === "Size" ? "num" : nothing}>${name}</th>`)}
              ${ctx.session.read_only ? nothing : html`<th scope="col">Do</th>`}
            </tr>
          </thead>
          <tbody>
            ${messages.map(row)}
          </tbody>
        </table>
      </div>
      <div class="row">
        <span class="muted">${number(skip + 1)} to ${number(shownTo)} of ${number(total)}</span>
        ${delayed && skip > 0 ? html`<a href=${to(Math.max(0, skip - PAGE))}>Earlier</a>` : nothing}
        ${delayed && shownTo < total ? html`<a href=${to(shownTo)}>Later</a>` : nothing}
      </div>`;
  }

  /** @param {number} from */
  const to = (from) => `${place(queue)}/delayed${from === 0 ? "" : `?skip=${from}`}`;

  /** @param {Message} message */
  function row({ id, reference, lane, to, subject, bytes: size, due, scheduled, retries }) {
    const name = id ?? reference;
    return html`<tr>
      ${delayed ? html`<td>${timeAt(due)} <span class="muted">${timeAgo(due, ctx.now())}</span></td>` : nothing}
      <th scope="row" class="mono">
        ${
          id === null
            ? html`<span class="muted">${name ? shown(name) : "no id"}</span>`
            : html`<a href="#/messages/${encodeURIComponent(queue)}/${encodeURIComponent(id)}"
                ><bdi>${shown(id)}</bdi></a
              >`
        }
      </th>
      <td><bdi>${shown(to)}</bdi></td>
      <td class="words"><bdi>${shown(subject)}</bdi></td>
      <td>${shown(lane)}</td>
      ${
        delayed
          ? html`<td>${scheduled ? "scheduled" : `retry ${number(retries)}`}</td>`
          : html`<td class="num">${bytes(size)}</td>`
      }
      ${
        ctx.session.read_only
          ? nothing
          : html`<td>
              ${
                id === null
                  ? nothing
                  : html`<div class="row tight">
                      <button aria-label="Reschedule ${id}" @click=${() => move(id)}>Reschedule…</button>
                      <button class="danger" aria-label="Cancel ${id}" @click=${() => cancel(id)}>
                        Cancel…
                      </button>
                    </div>`
              }
            </td>`
      }
    </tr>`;
  }
}
