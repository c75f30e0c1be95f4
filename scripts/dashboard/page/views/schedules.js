/** All schedules. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { schedules } from "../parts/schedules.js";

/** @import { Context, View } from "../types.js" */

const none = html`<section class="panel empty">
  <h2>No schedule</h2>
  <pre>
queuectl schedule add nightly --queue email --pattern '0 1 * * *' '{"to":"user@example.com","body":"…"}'</pre>
</section>`;

/** @param {Context} ctx @returns {View} */
export function open(ctx) {
  return {
    title: "Schedules",
    draw() {
      const overview = ctx.overview();
      const some = overview?.queues.some((queue) => queue.schedules.length > 0);
      return html`<h1>Schedules</h1>
        ${overview && !some ? none : nothing} ${overview ? schedules(overview.queues, ctx) : nothing}`;
    },
  };
}
