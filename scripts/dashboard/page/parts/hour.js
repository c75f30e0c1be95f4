/** The last hour of a queue, or of all: two charts, and the same as numbers. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { read } from "../api.js";
import { number, rate, when } from "../format.js";
import { chart } from "./chart.js";

/** @import { Context, History, Queue } from "../types.js" */

const HELD = [
  { name: "waiting", color: "--accent" },
  { name: "in hand", color: "--good" },
  { name: "delayed", color: "--warn", dash: [8, 3] },
  { name: "dead", color: "--bad", dash: [3, 3] },
];
const FLOW = [
  { name: "in", color: "--accent" },
  { name: "out", color: "--good", dash: [8, 3] },
  { name: "failed", color: "--bad", dash: [3, 3] },
];
/** Rows of the table: one each five minutes. */
const EVERY = 30;

/** @param {Context} ctx @param {string | null} queue */
export function hour(ctx, queue) {
  const of = queue === null ? "all queues" : queue;
  const held = chart({ label: `Messages of ${of} in the last hour`, series: HELD, format: number });
  const flow = chart({ label: `Messages a second of ${of} in the last hour`, series: FLOW, format: rate });
  const path = queue === null ? "/api/v1/history" : `/api/v1/history?${new URLSearchParams({ queue })}`;
  /** @type {History | null} */
  let history = null;
  let asked = 0;
  let closed = false;

  async function load() {
    asked = Date.now();
    try {
      history = /** @type {History} */ (await read(path));
    } catch {
      // Told elsewhere; it is asked for again.
      return;
    }
    if (closed) return;
    paint();
    ctx.redraw();
  }
  void load();

  /** What is kept, and beyond it what is now. */
  function paint() {
    if (!history) return;
    const overview = ctx.overview();
    const queues = overview?.queues.filter((one) => queue === null || one.queue === queue) ?? [];
    const now = overview && ctx.fresh() && overview.at > (history.at.at(-1) ?? 0) && queues.length > 0;
    const line = (
      /** @type {(number | null)[]} */ kept,
      /** @type {((one: Queue) => number | null) | null} */ of,
    ) => (now ? [...kept, of ? sum(queues.map(of)) : null] : kept);
    const at = history.at.map((ms) => ms / 1000);
    if (now) at.push(overview.at / 1000);
    held.set([
      at,
      line(history.waiting, (one) => one.waiting),
      line(history.processing, (one) => one.processing),
      line(history.delayed, (one) => one.delayed),
      line(history.dead_letter, (one) => one.dead_letter),
    ]);
    flow.set([
      at,
      line(history.in_per_second, (one) => one.in_per_second),
      line(history.out_per_second, (one) => one.out_per_second),
      line(history.failed_per_second, null),
    ]);
  }

  return {
    live() {
      if (document.hidden) return;
      if (Date.now() - asked >= (history?.step_ms ?? 10_000)) void load();
      else paint();
    },
    close() {
      closed = true;
      held.close();
      flow.close();
    },
    draw: () =>
      html`<section class="stack" aria-labelledby="hour">
        <div class="row spread">
          <h2 id="hour">The last hour</h2>
          <span class="muted">${history?.at.length ? `since ${when(history.at[0])}` : nothing}</span>
        </div>
        <div class="charts">
          <figure class="panel chart">
            <figcaption>Messages</figcaption>
            ${held.element}
          </figure>
          <figure class="panel chart">
            <figcaption>Messages a second</figcaption>
            ${flow.element}
          </figure>
        </div>
        ${numbers(history, of)}
      </section>`,
  };
}

/** @param {(number | null)[]} all */
const sum = (all) =>
  all.every((n) => n === null) ? null : all.reduce((total, n) => (total ?? 0) + (n ?? 0), 0);

/** @param {History | null} history @param {string} of */
function numbers(history, of) {
  if (!history || history.at.length === 0) return nothing;
  const last = history.at.length - 1;
  const rows = history.at.map((_, at) => at).filter((at) => (last - at) % EVERY === 0);
  const cells = (/** @type {number} */ at) => [
    number(history.waiting[at]),
    number(history.processing[at]),
    number(history.delayed[at]),
    number(history.dead_letter[at]),
    rate(history.in_per_second[at]),
    rate(history.out_per_second[at]),
    rate(history.failed_per_second[at]),
  ];
  return html`<details>
    <summary>The same as numbers</summary>
    <div class="scroll" role="region" tabindex="0" aria-label="The last hour of ${of} as numbers">
      <table class="data">
        <caption>
          Every five minutes
        </caption>
        <thead>
          <tr>
            <th scope="col">At</th>
            ${["Waiting", "In hand", "Delayed", "Dead", "In /s", "Out /s", "Failed /s"].map(
              (name) => html`<th scope="col" class="num">${name}</th>`,
            )}
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            (at) =>
              html`<tr>
                <th scope="row">${when(history.at[at])}</th>
                ${cells(at).map((text) => html`<td class="num">${text}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </details>`;
}
