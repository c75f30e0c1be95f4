/** The numbers of a queue. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { age, number, percent, rate } from "../format.js";

/** @import { Context, Queue } from "../types.js" */

/** @param {string} queue */
export const place = (queue) => `#/queues/${encodeURIComponent(queue)}`;

/** The four numbers that count. @param {Queue} queue */
export function big(queue) {
  const to = place(queue.queue);
  /** @type {[string, number, string | null, boolean][]} */
  const all = [
    ["waiting", queue.waiting, `${to}/waiting`, false],
    ["in hand", queue.processing, null, false],
    ["delayed", queue.delayed, `${to}/delayed`, false],
    ["dead", queue.dead_letter, `${to}/dead`, queue.dead_letter > 0],
  ];
  return html`<dl class="big">
    ${all.map(
      ([name, count, link, bad]) =>
        html`<div>
          <dt>${name}</dt>
          <dd class=${bad ? "bad" : ""}>
            ${link ? html`<a href=${link} aria-label="${name} of ${queue.queue}: ${number(count)}">${number(count)}</a>` : number(count)}
          </dd>
        </div>`,
    )}
  </dl>`;
}

/** All the others. @param {Queue} queue @param {Context} ctx */
export function facts(queue, ctx) {
  const grown = ctx.fresh() ? Math.max(0, ctx.now() - (ctx.overview()?.at ?? ctx.now())) : 0;
  const { high, pending, low, claimed } = queue.lanes;
  /** @type {[string, unknown][]} */
  const all = [
    ["high", number(high)],
    ["pending", number(pending + claimed)],
    ["low", number(low)],
    ["in /s", rate(queue.in_per_second)],
    ["out /s", rate(queue.out_per_second)],
    ["failing", percent(queue.failure_rate)],
    ["oldest", queue.oldest_ms === null ? age(null) : age(queue.oldest_ms + grown)],
    ["workers", number(queue.workers)],
    ["sent ever", number(queue.sent)],
  ];
  return html`<dl class="facts">
    ${all.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd class=${name === "workers" && queue.workers === 0 && queue.waiting > 0 ? "bad" : nothing}>
            ${value}
          </dd>
        </div>`,
    )}
  </dl>`;
}
