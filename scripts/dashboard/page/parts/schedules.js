/** Schedules, with the next firing. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { shown } from "../format.js";
import { timeAgo, timeAt } from "./time.js";

/** @import { Context, Queue } from "../types.js" */

/** @param {Queue[]} queues @param {Context} ctx */
export function schedules(queues, ctx) {
  const all = queues.flatMap((queue) =>
    queue.schedules.map((schedule) => ({ queue: queue.queue, ...schedule })),
  );
  if (all.length === 0) return nothing;
  all.sort((a, b) => (a.next ?? Infinity) - (b.next ?? Infinity));
  return html`<section class="panel">
    <div class="scroll" role="region" tabindex="0" aria-label="Schedules">
      <table class="data cards" role="table">
        <caption>
          Schedules
        </caption>
        <thead>
          <tr>
            ${["Name", "Queue", "Pattern", "Time zone", "Last", "Next"].map((name) => html`<th scope="col">${name}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${all.map(
            ({ queue, name, pattern, timezone, last, next, error }) =>
              html`<tr>
                <th scope="row"><bdi>${shown(name)}</bdi></th>
                <td data-label="Queue">
                  <a href="#/queues/${encodeURIComponent(queue)}"><bdi>${shown(queue)}</bdi></a>
                </td>
                <td class="mono" data-label="Pattern">${shown(pattern)}</td>
                <td data-label="Time zone">${shown(timezone)}</td>
                <td data-label="Last">${timeAt(last)}</td>
                <td data-label="Next">
                  ${
                    error === null
                      ? next === null
                        ? html`<span class="muted">never again</span>`
                        : html`${timeAt(next)} <span class="muted">${timeAgo(next, ctx.now())}</span>`
                      : html`<span class="tag bad">rests</span> <bdi>${shown(error)}</bdi>`
                  }
                </td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}
