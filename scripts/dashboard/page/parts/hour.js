/** The last hour of a queue, or of all: two charts, and the same as numbers. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { read } from "../api.js";
import { number, rate, when } from "../format.js";
import { chart } from "./chart.js";

/** @import { Context, History } from "../types.js" */

const HELD = [
  { name: "waiting", color: "--accent" },
  { name: "in hand", color: "--good" },
  { name: "delayed", color: "--warn" },
  { name: "dead", color: "--bad" },
];
const FLOW = [
  { name: "in", color: "--accent" },
  { name: "out", color: "--good" },
  { name: "failed", color: "--bad" },
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
    const at = history.at.map((ms) => ms / 1000);
    held.set([at, history.waiting, history.processing, history.delayed, history.dead_letter]);
    flow.set([at, history.in_per_second, history.out_per_second, history.failed_per_second]);
    ctx.redraw();
  }
  void load();

  return {
    live() {
      if (Date.now() - asked >= (history?.step_ms ?? 10_000)) void load();
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
