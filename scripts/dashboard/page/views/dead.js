/** The dead letters of a queue. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { read } from "../api.js";
import { count, number, shown } from "../format.js";
import { place } from "../parts/facts.js";
import { filterForm } from "../parts/filter_form.js";
import { filterOf, inWords, isAll, parameters } from "../parts/filter.js";
import { groups } from "../parts/groups.js";
import { purge, requeue } from "../parts/moving.js";
import { operations } from "../parts/operations.js";
import { timeAt } from "../parts/time.js";

/** @import { Context, Letter, Overview, View } from "../types.js" */

const PAGE = 50;

/** @param {Context} ctx @returns {View} */
export function open(ctx) {
  const queue = ctx.params.queue;
  const filter = filterOf(ctx.query);
  const path = `/api/v1/queues/${encodeURIComponent(queue)}/dead`;
  /** @type {Letter[]} */
  let letters = [];
  /** Where it goes on; undefined before the first answer, null at the end. @type {number | null | undefined} */
  let next;
  let total = 0;
  /** Whether the last answer was as long as it can be. */
  let full = false;
  let fault = "";
  /** Whether older ones are on their way. */
  let busy = false;
  /** What the list hangs on. @param {Overview | null} overview */
  const counted = (overview) => {
    const now = overview?.queues.find((one) => one.queue === queue);
    return `${now?.dead_letter} ${overview?.operations?.filter((one) => one.state === "running").length}`;
  };
  let seen = counted(ctx.overview());
  let turn = 0;

  /** @param {number} from @param {boolean} [fresh] */
  async function load(from, fresh = false) {
    const mine = ++turn;
    busy = from > 0;
    try {
      const query = parameters(filter);
      query.set("from", String(from));
      query.set("limit", String(PAGE));
      const answer = await read(`${path}?${query}`, { fresh });
      if (mine !== turn) return;
      letters = from === 0 ? answer.letters : [...letters, ...below(answer.letters, letters.at(-1))];
      full = answer.letters.length === PAGE;
      ({ next, total } = answer);
      fault = "";
    } catch (error) {
      if (mine !== turn) return;
      fault = error instanceof Error ? error.message : String(error);
    }
    busy = false;
    ctx.redraw();
  }
  void load(0);

  function again() {
    void load(0, true);
    void kinds.load(true);
  }
  const kinds = groups(ctx, queue, again);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let later;
  function follow() {
    // Whoever has paged on reads on undisturbed.
    if (busy || letters.length > PAGE) return;
    void load(0);
    void kinds.load();
  }
  const act = (/** @type {typeof requeue} */ how) => async () => {
    if (await how(queue, filter)) again();
  };

  return {
    title: `Dead letters of ${queue}`,
    live(overview) {
      const state = counted(overview);
      if (seen !== state) {
        follow();
        // What was answered may have been a second old.
        clearTimeout(later);
        later = setTimeout(follow, 1_000);
      }
      seen = state;
    },
    close() {
      clearTimeout(later);
      kinds.close();
    },
    draw() {
      const overview = ctx.overview();
      return html`<nav class="crumbs" aria-label="Breadcrumb">
          <a href="#/">Queues</a> / <a href=${place(queue)}><bdi>${shown(queue)}</bdi></a>
        </nav>
        <div class="row spread">
          <h1>Dead letters of <bdi>${shown(queue)}</bdi></h1>
          <p class="muted">${next === undefined ? nothing : `${number(total)} in all`}</p>
        </div>
        ${overview ? operations(overview, { queue, readOnly: ctx.session.read_only }) : nothing}
        <section class="panel" aria-label="By reason">${kinds.draw()}</section>
        <section class="panel" aria-labelledby="letters">
          <div class="row spread">
            <h2 id="letters">
              ${isAll(filter) ? "The newest" : html`Those of: <bdi>${inWords(filter)}</bdi>`}
            </h2>
            ${ctx.session.read_only || total === 0 ? nothing : buttons()}
          </div>
          ${filterForm(ctx, queue, filter)} ${list()}
        </section>`;
    },
  };

  function buttons() {
    const which = isAll(filter) ? "all" : "these";
    return html`<div class="row">
      <button @click=${act(requeue)}>Requeue ${which}…</button>
      <button class="danger" @click=${act(purge)}>Purge ${which}…</button>
    </div>`;
  }

  function list() {
    if (fault !== "")
      return html`<p class="fault" role="alert">${fault}</p>
        <p><button @click=${() => load(0, true)}>Try again</button></p>`;
    if (next === undefined) return html`<p class="muted" role="status">Looking…</p>`;
    const more =
      next === null
        ? nothing
        : html`<p class="row">
            <button ?disabled=${busy} @click=${() => load(/** @type {number} */ (next))}>
              ${full ? "Older" : "Look further"}
            </button>
            <span class="muted">${number(next)} of ${number(total)} looked at</span>
          </p>`;
    if (letters.length === 0)
      return html`<p class="empty">
          ${total === 0 ? "There are none." : next === null ? "None fits." : "None fits so far."}
        </p>
        ${more}`;
    return html`<div class="scroll" role="region" tabindex="0" aria-label="Dead letters">
        <table class="data">
          <caption class="sr">
            ${count(letters.length, "dead letter")}, the newest first
          </caption>
          <thead>
            <tr>
              ${["Dead since", "Message", "To", "Subject", "Why", "Error"].map((name) => html`<th scope="col">${name}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${letters.map(row)}
          </tbody>
        </table>
      </div>
      ${more}`;
  }

  /** @param {Letter} letter */
  function row({ key, near, id, reference, dead_at, to, subject, reason, provider, code, error }) {
    return html`<tr>
      <td>${timeAt(dead_at)}</td>
      <th scope="row" class="mono">
        <a href="${place(queue)}/dead/${key}?near=${near}"
          ><bdi>${shown(id || reference || "without a name")}</bdi></a
        >
      </th>
      <td><bdi>${shown(to)}</bdi></td>
      <td class="words"><bdi>${shown(subject)}</bdi></td>
      <td>
        <bdi
          >${inWords({ provider: provider ?? undefined, code: code ?? undefined, reason: reason ?? "" })}</bdi
        >
      </td>
      <td class="words"><bdi>${shown(error)}</bdi></td>
    </tr>`;
  }
}

/**
 * Those that are older than `last`: what came meanwhile has moved the others on, so that some come twice.
 *
 * @param {Letter[]} letters
 * @param {Letter | undefined} last
 */
const below = (letters, last) => letters.filter(({ near }) => last === undefined || near < last.near);
