/** One message, by its id. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { ApiError, change, read } from "../api.js";
import { count, shown } from "../format.js";
import { content } from "../parts/content.js";
import { ask } from "../parts/dialog.js";
import { place } from "../parts/facts.js";
import { life, state } from "../parts/life.js";
import { reschedule } from "../parts/reschedule.js";
import { timeline } from "../parts/timeline.js";

/** @import { Context, Status, View } from "../types.js" */
/** @typedef {{ place: string, key: string | null, near: number | null, message: any, text: string | null, has_html: boolean }} Found */

/** Between two looks while it has not ended, ms. */
const REFRESH = 2_000;

/** @param {Context} ctx @returns {View} */
export function open(ctx) {
  const { queue, id } = ctx.params;
  const path = `/api/v1/messages/${encodeURIComponent(queue)}/${encodeURIComponent(id)}`;
  /** What is known of it; null: nothing; undefined: not asked yet. @type {Status | null | undefined} */
  let status;
  /** Where it lies; null: nowhere that one can look. @type {Found | null | undefined} */
  let found;
  let fault = "";
  let revealed = false;
  let asked = 0;

  /** @param {boolean} fresh */
  async function load(fresh) {
    asked = Date.now();
    const before = status?.state;
    try {
      status = await absent(read(path, { fresh }));
      if (found === undefined || status?.state !== before) await open();
      fault = "";
    } catch (error) {
      fault = error instanceof Error ? error.message : String(error);
    }
    ctx.redraw();
  }

  async function open(reveal = false) {
    found = await absent(read(`${path}/content${reveal ? "?reveal=true" : ""}`, { fresh: true }));
    revealed = reveal && found !== null;
  }

  async function show() {
    try {
      await open(true);
    } catch (error) {
      fault = error instanceof Error ? error.message : String(error);
    }
    ctx.redraw();
  }
  void load(false);

  const cancel = async () => {
    const done = await ask({
      title: "Cancel this message",
      body: html`<p>It is never sent, however many copies of it wait. Its id is free again.</p>`,
      action: "Cancel the message",
      danger: true,
      run: async () => {
        await change("DELETE", path);
        return "Cancelled";
      },
    });
    if (done) void load(true);
  };
  const move = async () => {
    if (await reschedule(path)) void load(true);
  };

  return {
    title: id,
    live() {
      const ended = status && ["sent", "dead", "cancelled"].includes(status.state);
      if (!ended && Date.now() - asked >= REFRESH) void load(false);
    },
    draw() {
      const is = status?.state ?? (found ? found.place : "");
      const early = ["waiting", "delayed"].includes(is);
      return html`<nav class="crumbs" aria-label="Breadcrumb">
          <a href="#/">Queues</a> / <a href=${place(queue)}><bdi>${shown(queue)}</bdi></a>
        </nav>
        <div class="row spread">
          <div class="row">
            <h1><bdi>${shown(id)}</bdi></h1>
            ${is === "" ? nothing : state(is)}
          </div>
          ${
            early && !ctx.session.read_only
              ? html`<div class="row">
                  <button @click=${move}>Reschedule…</button>
                  <button class="danger" @click=${cancel}>Cancel…</button>
                </div>`
              : nothing
          }
        </div>
        ${fault === "" ? nothing : html`<p class="fault" role="alert">${fault}</p>`} ${body()}`;
    },
  };

  function body() {
    if (status === undefined)
      return fault === "" ? html`<p class="muted" role="status">Looking…</p>` : nothing;
    if (status === null && !found)
      return html`<p class="panel empty">
        Nothing is known of this id: it was never here, it was forgotten after its time, or it was pushed by
        hand and waits deep in a long lane. <a href="#/search?${new URLSearchParams({ q: id })}">Search</a>
      </p>`;
    return html`${status ? timeline(life(status)) : nothing} ${status ? handler(status) : nothing} ${dead()}
    ${
      found
        ? content({
            message: found.message,
            text: found.text,
            hasHtml: found.has_html,
            htmlUrl: `${path}/html${revealed ? "?reveal=true" : ""}`,
            revealed,
            reveal: show,
          })
        : html`<p class="panel muted">
            ${status?.state === "sent" ? "What was sent is not kept." : "Its content is not where one can look."}
          </p>`
    }`;
  }

  function dead() {
    if (!found?.key) return nothing;
    const near = found.near === null ? "" : `?near=${found.near}`;
    return html`<p>
      <a href="${place(queue)}/dead/${found.key}${near}">Its dead letter: edit, requeue, purge</a>
    </p>`;
  }
}

/** What its handler says of it. @param {Status} status */
function handler({ progress, result, lines }) {
  if (progress === undefined && result === undefined && !lines?.length) return nothing;
  const json = (/** @type {unknown} */ value) =>
    html`<pre><bdi>${shown(JSON.stringify(value, null, 2))}</bdi></pre>`;
  return html`<section class="panel" aria-labelledby="handler">
    <h2 id="handler">Its handler says</h2>
    ${
      progress === undefined
        ? nothing
        : html`<h3>Progress</h3>
            ${json(progress)}`
    }
    ${
      result === undefined
        ? nothing
        : html`<h3>Result</h3>
            ${json(result)}`
    }
    ${
      lines?.length
        ? html`<h3>${count(lines.length, "line")}</h3>
            <pre><bdi>${lines.map(({ at, line }) => `${at} ${shown(line)}\n`)}</bdi></pre>`
        : nothing
    }
  </section>`;
}

/** Null where the API knows nothing of it. @template T @param {Promise<T>} answer @returns {Promise<T | null>} */
async function absent(answer) {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}
