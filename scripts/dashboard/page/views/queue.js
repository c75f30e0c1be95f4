/** One queue. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { shown } from "../format.js";
import { words } from "../parts/banner.js";
import { drain, draining } from "../parts/drain.js";
import { big, facts, place } from "../parts/facts.js";
import { pause, pauseIntake, resume, tags } from "../parts/gates.js";
import { hour } from "../parts/hour.js";
import { operations } from "../parts/operations.js";
import { recent } from "../parts/recent.js";
import { schedules } from "../parts/schedules.js";
import { workers } from "../parts/workers.js";

/** @import { Context, Overview, Queue, View } from "../types.js" */

/** @param {Context} ctx @returns {View} */
export function open(ctx) {
  const name = ctx.params.queue;
  const charts = hour(ctx, name);
  const ended = recent(ctx, name);
  const table = workers(ctx);
  return {
    title: name,
    live(overview) {
      charts.live();
      ended.live(overview);
      table.live();
    },
    close: () => charts.close(),
    draw() {
      const overview = ctx.overview();
      const queue = overview?.queues.find((queue) => queue.queue === name);
      const crumbs = html`<nav class="crumbs" aria-label="Breadcrumb"><a href="#/">Queues</a></nav>`;
      const heading = html`<h1><bdi>${shown(name)}</bdi></h1>`;
      if (!overview)
        return html`${crumbs}${heading}
          <p class="muted" role="status">Looking…</p>`;
      if (!queue)
        return html`${crumbs}${heading}
          <p class="panel empty">There is no such queue: nobody has put a message into it or serves it.</p>`;
      const alerts = overview.alerts.filter((alert) => alert.queue === name);
      return html`${crumbs}
        <div class="row spread">
          <div class="row">${heading} ${tags(queue)}</div>
          ${ctx.session.read_only ? nothing : actions(queue)}
        </div>
        ${
          alerts.length === 0
            ? nothing
            : html`<ul class="gates">
                ${alerts.map((alert) => html`<li class=${alert.level}>${words(alert, ctx.now(), false)}</li>`)}
              </ul>`
        }
        ${draining(queue, ctx)}
        <section class="panel numbers" aria-label="Numbers">${big(queue)} ${facts(queue, ctx)}</section>
        <p class="row">
          <a href="${place(name)}/waiting">What waits</a> <a href="${place(name)}/delayed">What is delayed</a>
          <a href="${place(name)}/dead">Dead letters</a>
          ${
            ctx.session.read_only
              ? nothing
              : html`<a href="#/enqueue?${new URLSearchParams({ queue: name })}">Enqueue a test message</a>`
          }
        </p>
        ${operations(overview, { queue: name, readOnly: ctx.session.read_only })} ${charts.draw()}
        ${table.draw(
          overview.workers.filter((worker) => worker.queue === name),
          "Workers",
        )}
        ${schedules([queue], ctx)} ${ended.draw()}`;
    },
  };
}

/** @param {Queue} queue */
function actions(queue) {
  const name = queue.queue;
  const button = (/** @type {string} */ text, /** @type {() => unknown} */ run) =>
    html`<button @click=${run}>${text}</button>`;
  return html`<div class="row">
    ${
      queue.paused
        ? html`${button(`Resume ${name}`, () => resume(name, false))}`
        : button(`Pause ${name}`, () => pause(name))
    }
    ${
      queue.intake_paused
        ? button("Resume the intake", () => resume(name, true))
        : html`${button("Pause the intake", () => pauseIntake(name))} ${button("Drain", () => drain(name))}`
    }
  </div>`;
}
