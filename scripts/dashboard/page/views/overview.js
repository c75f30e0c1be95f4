/** All queues. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { bytes, number, rate, shown } from "../format.js";
import { words } from "../parts/banner.js";
import { big, facts, place } from "../parts/facts.js";
import { level, tags } from "../parts/gates.js";
import { hour } from "../parts/hour.js";
import { operations } from "../parts/operations.js";
import { sparks } from "../parts/spark.js";

/** @import { Context, Overview, Queue, View } from "../types.js" */

/** @param {Context} ctx @returns {View} */
export function open(ctx) {
  const charts = hour(ctx, null);
  const small = sparks(ctx);
  return {
    title: "Queues",
    live() {
      charts.live();
      small.live();
    },
    close() {
      charts.close();
      small.close();
    },
    draw() {
      const overview = ctx.overview();
      if (!overview)
        return html`<h1>Queues</h1>
          <p class="muted" role="status">Looking…</p>`;
      return html`<h1>Queues</h1>
        ${overview.queues.length === 0 ? none() : nothing} ${totals(overview)}
        <div class="queues">${overview.queues.map((queue) => card(queue, overview, ctx, small))}</div>
        ${operations(overview, { readOnly: ctx.session.read_only })} ${charts.draw()}`;
    },
  };
}

/** @param {Overview} overview */
function totals({ queues, workers, redis }) {
  const sum = (/** @type {(queue: Queue) => number | null} */ of) =>
    queues.reduce((total, queue) => total + (of(queue) ?? 0), 0);
  const limit = redis.memory_limit ? html`<small>of ${bytes(redis.memory_limit)}</small>` : nothing;
  const all = [
    ["waiting", number(sum((queue) => queue.waiting))],
    ["in hand", number(sum((queue) => queue.processing))],
    ["delayed", number(sum((queue) => queue.delayed))],
    ["dead", number(sum((queue) => queue.dead_letter))],
    ["in /s", rate(sum((queue) => queue.in_per_second))],
    ["out /s", rate(sum((queue) => queue.out_per_second))],
    ["workers", number(workers.filter((worker) => !worker.late).length)],
    ["memory of Redis", html`${bytes(redis.memory_used)} ${limit}`],
  ];
  return html`<dl class="totals" aria-label="All queues together">
    ${all.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}

/** @param {Queue} queue @param {Overview} overview @param {Context} ctx @param {ReturnType<typeof sparks>} small */
function card(queue, overview, ctx, small) {
  const alerts = overview.alerts.filter(
    (alert) => alert.queue === queue.queue && alert.kind !== "late_worker",
  );
  return html`<article class="panel queue ${level(overview, queue.queue)}" aria-label="Queue ${queue.queue}">
    <div class="row spread">
      <h2>
        <a href=${place(queue.queue)}><bdi>${shown(queue.queue)}</bdi></a>
      </h2>
      <div class="row">${tags(queue)}</div>
    </div>
    ${big(queue)}
    ${
      alerts.length === 0
        ? nothing
        : html`<ul class="gates">
            ${alerts.map((alert) => html`<li class=${alert.level}>${words(alert, ctx.now(), false)}</li>`)}
          </ul>`
    }
    ${small.of(queue.queue)} ${facts(queue, ctx)}
  </article>`;
}

const none = () =>
  html`<section class="panel empty">
    <h2>No queue yet</h2>
    <p>A queue is there once a worker serves it or something is enqueued:</p>
    <pre>
redis-cli lpush queue:email:pending '{"to":"user@example.com","subject":"Hello","body":"It works."}'
queuectl enqueue --queue email '{"to":"user@example.com","subject":"Hello","body":"It works."}'</pre>
  </section>`;
