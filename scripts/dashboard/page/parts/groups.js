/** Dead letters by reason, provider and code. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { read } from "../api.js";
import { number, shown } from "../format.js";
import { place } from "./facts.js";
import { inWords, parameters } from "./filter.js";
import { purge, requeue } from "./moving.js";
import { timeAt } from "./time.js";

/** @import { Context, Filter } from "../types.js" */
/** @typedef {{ reason: string | null, class: string | null, provider: string | null, code: string | null, count: number, newest: number | null, error: string }} Group */
/** @typedef {{ total: number, looked_at: number, done: boolean, others: number, groups: Group[] }} Groups */

/** Between two looks at a count that goes on, ms. */
const AGAIN = 1_000;

/** @param {Context} ctx @param {string} queue @param {() => void} changed */
export function groups(ctx, queue, changed) {
  /** @type {Groups | null} */
  let known = null;
  let fault = "";
  let busy = false;
  let closed = false;

  async function load(fresh = false) {
    if (busy) return;
    busy = true;
    try {
      known = await read(`/api/v1/queues/${encodeURIComponent(queue)}/dead/groups`, { fresh });
      fault = "";
    } catch (error) {
      fault = error instanceof Error ? error.message : String(error);
    }
    busy = false;
    if (closed) return;
    if (known && !known.done) setTimeout(() => closed || load(), AGAIN);
    ctx.redraw();
  }
  void load();

  /** @param {Group} group @returns {Filter} */
  const filter = ({ reason, class: outcome, provider, code }) => ({
    reason: reason ?? "",
    class: outcome ?? "",
    provider: provider ?? "",
    code: code ?? "",
  });

  /** @param {Group} group */
  function row(group) {
    const meant = filter(group);
    const name = inWords({ ...meant, class: undefined });
    const act = (/** @type {typeof requeue} */ how) => async () => {
      if (await how(queue, meant)) changed();
    };
    return html`<tr>
      <th scope="row">
        <a href="${place(queue)}/dead?${parameters(meant)}"><bdi>${name}</bdi></a>
      </th>
      <td class="num">${number(group.count)}</td>
      <td>${timeAt(group.newest)}</td>
      <td class="words"><bdi>${shown(group.error)}</bdi></td>
      ${
        ctx.session.read_only
          ? nothing
          : html`<td>
              <div class="row tight">
                <button aria-label="Requeue ${name}" @click=${act(requeue)}>Requeue…</button>
                <button class="danger" aria-label="Purge ${name}" @click=${act(purge)}>Purge…</button>
              </div>
            </td>`
      }
    </tr>`;
  }

  return {
    load,
    close() {
      closed = true;
    },
    draw() {
      if (fault !== "") return html`<p class="fault" role="alert">${fault}</p>`;
      if (!known) return html`<p class="muted" role="status">Counting…</p>`;
      const { total, looked_at, done, others, groups: all } = known;
      return html`${
          done
            ? nothing
            : html`<p class="muted">${number(looked_at)} of ${number(total)} looked at</p>
                <progress
                  aria-label="Dead letters looked at"
                  max=${Math.max(total, 1)}
                  .value=${looked_at}
                ></progress>`
        }
        <div class="scroll" role="region" tabindex="0" aria-label="Dead letters by reason">
          <table class="data">
            <caption>
              By reason
            </caption>
            <thead>
              <tr>
                <th scope="col">What</th>
                <th scope="col" class="num">Count</th>
                <th scope="col">Newest</th>
                <th scope="col">For example</th>
                ${ctx.session.read_only ? nothing : html`<th scope="col">Do</th>`}
              </tr>
            </thead>
            <tbody>
              ${all.map(row)}
            </tbody>
          </table>
        </div>
        ${others ? html`<p class="muted">And ${number(others)} more of other kinds.</p>` : nothing}`;
    },
  };
}
