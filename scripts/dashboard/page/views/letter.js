/** One dead letter. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { ApiError, change, readText } from "../api.js";
import { bytes, shown } from "../format.js";
import { content } from "../parts/content.js";
import { ask } from "../parts/dialog.js";
import { edit } from "../parts/edit.js";
import { place } from "../parts/facts.js";
import { parse } from "../parts/json.js";
import { timeAt } from "../parts/time.js";
import { timeline } from "../parts/timeline.js";

/** @import { Context, Letter, View } from "../types.js" */
/** @typedef {Letter & { message: any, text: string | null, has_html: boolean, attempts: { at: string, error: string, code?: string, provider?: string }[] }} Whole */

/** @param {Context} ctx @returns {View} */
export function open(ctx) {
  const { queue, key } = ctx.params;
  const near = ctx.query.get("near");
  const path = `/api/v1/queues/${encodeURIComponent(queue)}/dead/${encodeURIComponent(key)}`;
  const list = `${place(queue)}/dead`;
  /** @type {Whole | null} */
  let letter = null;
  let fault = "";
  let gone = false;
  let revealed = false;
  let busy = false;

  /** @param {boolean} reveal */
  const query = (reveal) => {
    const query = new URLSearchParams(near === null ? {} : { near });
    if (reveal) query.set("reveal", "true");
    return query.size === 0 ? "" : `?${query}`;
  };

  /** @param {boolean} reveal */
  async function load(reveal) {
    busy = true;
    try {
      letter = parse(await readText(path + query(reveal)));
      revealed = reveal;
      fault = "";
    } catch (error) {
      gone = error instanceof ApiError && error.status === 404;
      fault = error instanceof Error ? error.message : String(error);
    }
    busy = false;
    ctx.redraw();
  }
  void load(false);

  const body = () => (near === null ? {} : { near: Number(near) });
  const requeue = async () => {
    const done = await ask({
      title: "Requeue this message",
      body: html`<p>It goes to the end of its lane, with its full retries.</p>`,
      action: "Requeue",
      run: async () => {
        await change("POST", `${path}/requeue`, body());
        return "Requeued";
      },
    });
    if (done) ctx.go(list);
  };
  const purge = async () => {
    const done = await ask({
      title: "Purge this message",
      body: html`<p>It is gone for good.</p>`,
      action: "Purge",
      danger: true,
      typed: queue,
      run: async () => {
        await change("POST", `${path}/purge`, body());
        return "Purged";
      },
    });
    if (done) ctx.go(list);
  };
  const mend = async () => {
    const went = await edit(path, query(true), body());
    if (went) ctx.go(went.requeued ? list : `${list}/${went.key}${query(false)}`);
  };

  return {
    title: `Dead letter of ${queue}`,
    draw() {
      const name = letter?.id || letter?.reference || "A dead letter";
      return html`<nav class="crumbs" aria-label="Breadcrumb">
          <a href="#/">Queues</a> / <a href=${place(queue)}><bdi>${shown(queue)}</bdi></a> /
          <a href=${list}>Dead letters</a>
        </nav>
        <div class="row spread">
          <h1><bdi>${shown(name)}</bdi></h1>
          ${
            letter && !gone && !ctx.session.read_only
              ? html`<div class="row">
                  <button @click=${mend}>Edit…</button>
                  <button class="primary" @click=${requeue}>Requeue…</button>
                  <button class="danger" @click=${purge}>Purge…</button>
                </div>`
              : nothing
          }
        </div>
        ${
          gone
            ? html`<p class="panel" role="alert">
                It is no dead letter any more: somebody requeued, edited or purged it.
                <a href=${list}>The others</a>
              </p>`
            : fault === ""
              ? nothing
              : html`<p class="fault" role="alert">${fault}</p>
                  <p><button ?disabled=${busy} @click=${() => load(revealed)}>Try again</button></p>`
        }
        ${letter ? whole(letter) : fault === "" ? html`<p class="muted" role="status">Looking…</p>` : nothing}`;
    },
  };

  /** @param {Whole} letter */
  function whole(letter) {
    /** @type {[string, unknown][]} */
    const facts = [
      ["reason", letter.reason],
      ["outcome", letter.class],
      ["provider", letter.provider],
      ["code", letter.code],
      ["lane", letter.lane],
      ["size", bytes(letter.bytes)],
      ["reference", letter.reference],
    ];
    const tried = letter.attempts.map(({ at, error, code, provider }) => ({
      at,
      words: html`Attempt
      failed${provider || code ? html`: <bdi>${shown([provider, code].filter(Boolean).join(" "))}</bdi>` : ""}`,
      detail: error,
      kind: /** @type {const} */ ("warn"),
    }));
    const end = {
      at: letter.dead_at,
      words: html`Given up: <bdi>${shown(letter.reason ?? "nobody says why")}</bdi>`,
      detail: letter.error,
      kind: /** @type {const} */ ("bad"),
    };
    return html`<section class="panel" aria-label="Why">
        <p class="fault"><bdi>${shown(letter.error ?? "")}</bdi></p>
        <dl class="facts">
          ${facts.map(
            ([name, value]) =>
              html`<div>
                <dt>${name}</dt>
                <dd><bdi>${shown(value ?? "–")}</bdi></dd>
              </div>`,
          )}
          <div>
            <dt>dead since</dt>
            <dd>${timeAt(letter.dead_at)}</dd>
          </div>
        </dl>
        ${
          letter.id === null
            ? nothing
            : html`<p>
                <a href="#/messages/${encodeURIComponent(queue)}/${encodeURIComponent(letter.id)}"
                  >What is known of this id</a
                >
              </p>`
        }
      </section>
      ${timeline([...tried, end])}
      ${content({
        message: letter.message,
        text: letter.text,
        hasHtml: letter.has_html,
        htmlUrl: `${path}/html${query(revealed)}`,
        revealed,
        reveal: () => load(true),
      })}`;
  }
}
