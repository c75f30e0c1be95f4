/** Workers, and what they hold. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { read } from "../api.js";
import { age, count, number, shown } from "../format.js";
import { timeAgo, timeAt } from "./time.js";

/** @import { Context, Held, Worker } from "../types.js" */

/** Between two looks at what is held, ms. */
const REFRESH = 2_000;

/** @param {Context} ctx */
export function workers(ctx) {
  /** What the open ones hold, by their ids; null before the first answer. @type {Map<string, { held: Held[] | null, fault: string, asked: number }>} */
  const open = new Map();

  /** @param {Worker} worker */
  async function load(worker) {
    const place = open.get(worker.id);
    if (!place) return;
    place.asked = Date.now();
    try {
      const path = `/api/v1/queues/${encodeURIComponent(worker.queue)}/held`;
      const { messages } = await read(`${path}?${new URLSearchParams({ worker: worker.start })}`, {
        age: REFRESH / 1000,
      });
      Object.assign(place, { held: messages, fault: "" });
    } catch (error) {
      place.fault = error instanceof Error ? error.message : String(error);
    }
    ctx.redraw();
  }

  /** @param {Worker} worker */
  function toggle(worker) {
    if (!open.delete(worker.id)) {
      open.set(worker.id, { held: null, fault: "", asked: 0 });
      void load(worker);
    }
    ctx.redraw();
  }

  return {
    live() {
      for (const worker of ctx.overview()?.workers ?? []) {
        const place = open.get(worker.id);
        if (place && Date.now() - place.asked >= REFRESH) void load(worker);
      }
    },
    /** @param {Worker[]} list @param {string} caption */
    draw: (list, caption) =>
      list.length === 0
        ? html`<section class="panel">
            <h2>${caption}</h2>
            <p class="muted">None.</p>
          </section>`
        : html`<section class="panel">
            <div class="scroll" role="region" tabindex="0" aria-label=${caption}>
              <table class="data cards" role="table">
                <caption>
                  ${caption}
                </caption>
                <thead>
                  <tr>
                    <th scope="col">Worker</th>
                    <th scope="col">Queue</th>
                    <th scope="col">Version</th>
                    <th scope="col" class="num">Process</th>
                    <th scope="col" class="num">Sending</th>
                    <th scope="col" class="num">Oldest held</th>
                    <th scope="col">Last seen</th>
                    <th scope="col">Holds</th>
                  </tr>
                </thead>
                <tbody>
                  ${list.map((worker) => rows(worker))}
                </tbody>
              </table>
            </div>
          </section>`,
  };

  /** @param {Worker} worker */
  function rows(worker) {
    const place = open.get(worker.id);
    const grown = ctx.fresh() ? Math.max(0, ctx.now() - (ctx.overview()?.at ?? ctx.now())) : 0;
    const seen = age(worker.seen_ms + grown);
    return html`<tr>
        <th scope="row" class="mono"><bdi>${shown(worker.id)}</bdi></th>
        <td data-label="Queue">
          <a href="#/queues/${encodeURIComponent(worker.queue)}"><bdi>${shown(worker.queue)}</bdi></a>
        </td>
        <td data-label="Version">${shown(worker.version)}</td>
        <td class="num" data-label="Process">${worker.pid}</td>
        <td class="num" data-label="Sending">${number(worker.sending)} of ${number(worker.concurrency)}</td>
        <td class="num" data-label="Oldest held">
          ${worker.oldest_ms === null ? age(null) : age(worker.oldest_ms + grown)}
        </td>
        <td data-label="Last seen">
          ${worker.late ? html`<span class="tag bad">silent for ${seen}</span>` : `${seen} ago`}
        </td>
        <td data-label="Holds">
          <button class="quiet" aria-expanded=${String(place !== undefined)} @click=${() => toggle(worker)}>
            ${count(worker.held, "message")}<span class="sr"> of ${worker.id}</span>
          </button>
        </td>
      </tr>
      ${
        place
          ? html`<tr>
              <td colspan="8">${contents(place, worker)}</td>
            </tr>`
          : nothing
      }`;
  }

  /** @param {{ held: Held[] | null, fault: string }} place @param {Worker} worker */
  function contents({ held, fault }, worker) {
    if (fault !== "") return html`<p class="fault">${fault}</p>`;
    if (held === null) return html`<p class="muted" role="status">Looking…</p>`;
    if (held.length === 0) return html`<p class="muted">Nothing just now.</p>`;
    return html`<ul class="held">
      ${held.map(
        ({ id, reference, since, lease_ends, crashes }) =>
          html`<li>
            ${
              id === reference
                ? html`<span class="mono">${shown(id)}</span>`
                : html`<a href="#/messages/${encodeURIComponent(worker.queue)}/${encodeURIComponent(id)}"
                    ><bdi>${shown(id)}</bdi></a
                  >`
            }
            ${since === null ? nothing : html`, begun ${timeAgo(since, ctx.now())} at ${timeAt(since, { seconds: true })}`},
            lease ends ${timeAt(lease_ends, { seconds: true })}
            ${crashes === 0 ? nothing : html`<span class="tag warn">${count(crashes, "worker")} died with it</span>`}
          </li>`,
      )}
    </ul>`;
  }
}
