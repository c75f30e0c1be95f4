/** Draining: no new messages, until all that there are were sent. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { age, count, number, rate } from "../format.js";
import { resume, pauseIntake } from "./gates.js";

/** @import { Context, Queue } from "../types.js" */

/** How many there were when this page first saw the intake paused. @type {Map<string, number>} */
const began = new Map();

/** @param {Queue} queue */
const left = (queue) => queue.waiting + queue.processing;

/** @param {string} queue */
export const drain = (queue) => pauseIntake(queue);

/** How far it is, while the intake is paused. @param {Queue} queue @param {Context} ctx */
export function draining(queue, ctx) {
  if (!queue.intake_paused) {
    began.delete(queue.queue);
    return nothing;
  }
  const now = left(queue);
  const total = Math.max(began.get(queue.queue) ?? 0, now);
  began.set(queue.queue, total);
  const seconds = queue.out_per_second ? now / queue.out_per_second : null;
  const words =
    now === 0
      ? "Empty: all that waited was sent or given up."
      : `${count(now, "message")} left of ${number(total)}, ${rate(queue.out_per_second)} a second` +
        (seconds === null ? "" : `, about ${age(seconds * 1000)} to go`);
  return html`<section class="panel" aria-labelledby="draining">
    <h2 id="draining">Draining</h2>
    <progress
      aria-label="Drained of ${queue.queue}"
      max=${Math.max(total, 1)}
      .value=${total === 0 ? 1 : total - now}
    ></progress>
    <p>
      ${words}
      ${queue.delayed === 0 ? nothing : html`${count(queue.delayed, "delayed message")} not counted: retries and what is for later.`}
    </p>
    ${
      ctx.session.read_only
        ? nothing
        : html`<div class="row">
            <button @click=${() => resume(queue.queue, true)}>Resume the intake of ${queue.queue}</button>
          </div>`
    }
  </section>`;
}
