/** What was sent or given up last. */

import { html } from "../vendor/lit-html/lit-html.js";
import { read } from "../api.js";
import { shown } from "../format.js";
import { timeAgo, timeAt } from "./time.js";

/** @import { Context, Overview } from "../types.js" */
/** @typedef {{ id: string, state: string, at: number }} Ended */

const REFRESH = 2_000;
const SHOWN = 20;

/** @param {Context} ctx @param {string} queue */
export function recent(ctx, queue) {
  /** @type {Ended[] | null} */
  let ended = null;
  let fault = "";
  let asked = 0;
  let counted = "";

  async function load() {
    asked = Date.now();
    try {
      const { recent } = await read(`/api/admin/jobs/${encodeURIComponent(queue)}?limit=${SHOWN}`, {
        age: REFRESH / 1000,
      });
      ended = [...recent.completed, ...recent.failed].sort((a, b) => b.at - a.at).slice(0, SHOWN);
      fault = "";
    } catch (error) {
      fault = error instanceof Error ? error.message : String(error);
    }
    ctx.redraw();
  }
  const exists = () => ctx.overview()?.queues.some((one) => one.queue === queue);
  if (exists()) void load();

  return {
    /** @param {Overview} overview */
    live(overview) {
      const now = overview.queues.find((one) => one.queue === queue);
      const count = `${now?.sent} ${now?.dead_letter}`;
      if (!now || (count === counted && fault === "") || Date.now() - asked < REFRESH) return;
      counted = count;
      void load();
    },
    draw() {
      const none = html`<p class="muted" role="status">${fault || (ended ? "Nothing yet." : "Looking…")}</p>`;
      return html`<section class="panel" aria-labelledby="recent">
        <h2 id="recent">Ended last</h2>
        ${
          !ended || ended.length === 0
            ? none
            : html`<div class="scroll" role="region" tabindex="0" aria-label="Ended last">
                <table class="data cards compact" role="table">
                  <caption class="sr">
                    What was sent or given up last
                  </caption>
                  <thead>
                    <tr>
                      ${["Message", "State", "When"].map((name) => html`<th scope="col">${name}</th>`)}
                    </tr>
                  </thead>
                  <tbody>
                    ${ended.map(row)}
                  </tbody>
                </table>
              </div>`
        }
      </section>`;
    },
  };

  /** @param {Ended} message */
  function row({ id, state, at }) {
    const dead = state === "dead";
    return html`<tr>
      <th scope="row" class="mono">
        <a href="#/messages/${encodeURIComponent(queue)}/${encodeURIComponent(id)}"
          ><bdi>${shown(id)}</bdi></a
        >
      </th>
      <td data-label="State">
        <span class="tag ${dead ? "bad" : "good"}">${dead ? "given up" : shown(state)}</span>
      </td>
      <td data-label="When">
        ${timeAt(at, { seconds: true })} <span class="muted">${timeAgo(at, ctx.now())}</span>
      </td>
    </tr>`;
  }
}
