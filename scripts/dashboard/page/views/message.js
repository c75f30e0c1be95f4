/** One message: what became of it, and itself while it is kept. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { ApiError, read, readText } from "../api.js";
import { shown } from "../format.js";
import { content } from "../parts/content.js";
import { place } from "../parts/facts.js";
import { parse } from "../parts/json.js";
import { actions, letterAt, messagePath, stateTag } from "../parts/message.js";
import { timeAgo, timeAt } from "../parts/time.js";
import { instant, timeline } from "../parts/timeline.js";

/** @import { Context, MessageContent, Status, Template, View } from "../types.js" */
/** @import { Entry } from "../parts/timeline.js" */

const REFRESH_MS = 2_000;
/** A content that was not found is looked for among many. */
const AGAIN_MS = 10_000;
/** Of what is being sent, looked at to see whose it is. */
const IN_HAND = 200;
/** Attempts that the API lists. */
const LOGGED = 20;
const ENDED = ["sent", "dead", "cancelled"];
const KEPT = ["waiting", "sending", "delayed", "dead"];
const CHANGEABLE = ["waiting", "delayed"];

/** @type {Record<string, string>} */
const REASONS = {
  malformed: "it is no message that a worker could use",
  reject: "it was refused for good",
  expired: "it expired before it could be sent",
  poison: "worker after worker died with it in hand",
  in_doubt: "nobody knows whether it was sent",
  retries_exhausted: "all its retries failed",
};

/** @param {Context} ctx @returns {View} */
export function open(ctx) {
  const { queue, id } = ctx.params;
  const path = messagePath(queue, id);
  /** @type {Status | null} */
  let status = null;
  /** @type {MessageContent | null} */
  let itself = null;
  /** @type {unknown} */
  let fault = null;
  /** @type {unknown} */
  let contentFault = null;
  let revealed = false;
  let looked = false;
  let contentOf = "";
  let contentAt = 0;
  let worker = "";
  let workerOf = 0;
  let turn = 0;
  let closed = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  const unknown = () => looked && status === null && contentFault === null;
  const state = () => status?.state ?? itself?.place ?? undefined;

  async function load(fresh = false) {
    clearTimeout(timer);
    const mine = ++turn;
    if (fresh || !document.hidden) {
      try {
        if (status) {
          const found = await read(path, { fresh, age: REFRESH_MS / 1000 });
          if (mine !== turn || closed) return;
          status = found;
        }
        fault = null;
      } catch (error) {
        if (mine !== turn || closed) return;
        const forgotten = error instanceof ApiError && error.code === "unknown_message";
        if (forgotten) status = null;
        fault = forgotten ? null : error;
      }
      await Promise.all([loadContent(fresh), loadWorker()]);
      if (mine !== turn || closed) return;
      looked = true;
      ctx.redraw();
    }
    if (!ENDED.includes(state() ?? "") && !(unknown() && !itself)) timer = setTimeout(load, REFRESH_MS);
  }

  /** Once in each state: it is looked for among many. The first answer tells the status, too. @param {boolean} again */
  async function loadContent(again) {
    if (status && !KEPT.includes(status.state)) {
      [itself, contentFault] = [null, null];
      return;
    }
    const now = stage();
    const isDue = (contentFault !== null || !status) && Date.now() - contentAt >= AGAIN_MS;
    if (now === contentOf && !again && !isDue) return;
    contentOf = now;
    contentAt = Date.now();
    const asked = revealed;
    try {
      const found = parse(await readText(`${path}/content${asked ? "?reveal=true" : ""}`));
      if (contentOf !== now || asked !== revealed) return;
      status ??= found.status;
      contentOf = stage();
      itself = found.place === null ? null : found;
      const isMissed = !itself && status && KEPT.includes(status.state);
      contentFault = isMissed ? new ApiError(404, "no_content", found.why) : null;
    } catch (error) {
      if (contentOf !== now) return;
      contentFault = error;
      if (error instanceof ApiError && error.status === 404) itself = null;
    }
  }

  const stage = () => (status ? `${status.state} ${status.at}` : "unknown");

  /** Once in each attempt. */
  async function loadWorker() {
    if (status?.state !== "sending" || status.at === workerOf) return;
    const attempt = (workerOf = status.at);
    worker = "";
    try {
      const { recent } = await read(`/api/admin/jobs/${encodeURIComponent(queue)}?limit=${IN_HAND}`);
      const job = recent.active.find((/** @type {{ id: string }} */ job) => job.id === id);
      if (attempt === workerOf) worker = job?.worker ?? "";
    } catch {
      // It is shown without, then.
    }
  }

  async function reveal() {
    revealed = true;
    await loadContent(true);
    if (contentFault) revealed = false;
    ctx.redraw();
  }

  void load();

  return {
    title: id,
    close() {
      closed = true;
      clearTimeout(timer);
    },
    draw() {
      const now = state();
      const isChangeable = now !== undefined && CHANGEABLE.includes(now) && !ctx.session.read_only;
      return html`<nav class="crumbs" aria-label="Breadcrumb">
          <a href="#/">Queues</a> / <a href=${place(queue)}><bdi>${shown(queue)}</bdi></a> / Message
        </nav>
        <div class="row spread">
          <div class="row">
            <h1><bdi>${shown(id)}</bdi></h1>
            ${now === undefined ? nothing : stateTag(now)}
          </div>
          ${isChangeable ? actions(ctx, queue, { id, due: status?.due ?? null }, () => void load(true)) : nothing}
        </div>
        ${body()}`;
    },
  };

  /** @returns {Template} */
  function body() {
    if (!looked) return html`<p class="muted" role="status">Looking…</p>`;
    if (unknown() && !itself) return nowhere();
    const why = fault ?? (status || itself ? null : contentFault);
    const failed = why ? html`<p class="fault" role="alert"><bdi>${words(why)}</bdi></p>` : nothing;
    if (!status && !itself) return failed;
    return html`${failed} ${status ? told(status) : untold(itself)} ${message()}`;
  }

  function nowhere() {
    return html`<section class="panel empty stack">
      <p>Nothing is known of this id in <bdi>${shown(queue)}</bdi>.</p>
      <p>
        What was sent, given up or cancelled is known for its retention only, and what has no id leaves no
        trace once it was sent.
      </p>
      <p><a href="#/search?${new URLSearchParams({ q: id })}">Search for it in all queues</a></p>
    </section>`;
  }

  /** @param {Status} status */
  function told(status) {
    const { progress, result, lines = [] } = status;
    return html`${timeline(life(status), "What became of it")}
    ${
      progress === undefined && result === undefined && lines.length === 0
        ? nothing
        : html`<section class="panel" aria-labelledby="handler">
            <h2 id="handler">What its handler says</h2>
            ${progress === undefined ? nothing : said("Progress", progress)}
            ${result === undefined ? nothing : said("Result", result)}
            ${lines.length === 0 ? nothing : written(lines)}
          </section>`
    }`;
  }

  /** @param {Status} status @returns {Entry[]} */
  function life(status) {
    const { at, enqueued_at, log, attempts } = status;
    /** @type {Entry[]} */
    const entries = [];
    if (enqueued_at !== undefined) entries.push({ at: enqueued_at, words: "Enqueued" });
    if (log.length >= LOGGED && attempts > log.length)
      entries.push({ at: null, words: "Attempts before these are no longer listed" });
    for (const attempt of log)
      entries.push({
        at: attempt.at,
        words: html`Attempt failed ${blamed(attempt)}`,
        detail: attempt.error,
        kind: "warn",
      });
    if (status.state !== "waiting" || at !== enqueued_at) entries.push({ at, ...latest(status) });
    return entries;
  }

  /** @param {Status} status @returns {Omit<Entry, "at">} */
  function latest({ state, at, due, lease_ends, reason, error, provider, code, provider_id, log }) {
    switch (state) {
      case "waiting":
        return { words: "Waiting" };
      case "delayed":
        return {
          words: html`Delayed until ${timeAt(due, { seconds: true })}
            <span class="muted">${timeAgo(due, ctx.now())}</span>`,
          kind: "warn",
        };
      case "sending": {
        const by =
          ctx.overview()?.workers.find((one) => one.queue === queue && one.start === worker)?.id ?? worker;
        return {
          words: html`Being sent${by ? html` by <bdi class="mono">${shown(by)}</bdi>` : nothing}, since
          ${timeAgo(at, ctx.now())}
          ${
            lease_ends === undefined
              ? nothing
              : html`<p class="muted">
                  Its lease ends ${timeAgo(lease_ends, ctx.now())}, unless it is renewed
                </p>`
          }`,
          kind: "warn",
        };
      }
      case "sent":
        return {
          words: provider_id
            ? html`Sent; the provider calls it <bdi class="mono">${shown(provider_id)}</bdi>`
            : "Sent",
          kind: "good",
        };
      case "dead":
        return {
          words: html`Given up${reason ? `: ${REASONS[reason] ?? shown(reason)}` : nothing}
          ${log.at(-1)?.error === error ? nothing : blamed({ provider, code })}`,
          detail: log.at(-1)?.error === error ? null : error,
          kind: "bad",
        };
      default:
        return { words: state === "cancelled" ? "Cancelled" : shown(state) };
    }
  }

  /** @returns {Template} */
  function message() {
    if (itself) {
      const { key, near, message, text, has_html } = itself;
      return html`${
        key === null
          ? nothing
          : html`<p><a href=${letterAt(queue, key, near)}>Its dead letter: edit, requeue, purge</a></p>`
      }
      ${content({
        message,
        text,
        hasHtml: has_html,
        htmlUrl: `${path}/html${revealed ? "?reveal=true" : ""}`,
        revealed,
        reveal: () => void reveal(),
      })}
      ${contentFault ? html`<p class="fault" role="alert"><bdi>${words(contentFault)}</bdi></p>` : nothing}`;
    }
    const gone = contentFault instanceof ApiError && contentFault.status === 404;
    const why =
      status?.state === "dead"
        ? "Its dead letter was not found: it was purged, or lies among very many."
        : status && KEPT.includes(status.state)
          ? "It was not found where it should be: it is moved right now, or lies among very many."
          : status?.state === "cancelled"
            ? "What was cancelled is not kept."
            : "What was sent is not kept.";
    return html`<section class="panel" aria-labelledby="content">
      <h2 id="content">Message</h2>
      ${
        contentFault && !gone
          ? html`<p class="fault" role="alert"><bdi>${words(contentFault)}</bdi></p>`
          : html`<p class="muted">${why}</p>`
      }
    </section>`;
  }
}

/** @param {MessageContent | null} itself */
const untold = (itself) =>
  itself?.place === "dead"
    ? html`<p class="panel">It was given up. Nothing more is known of its id; its dead letter tells why.</p>`
    : html`<p class="panel">
        It waits. It was put in without the library, queuectl or HTTP, so nothing was noted of it before its
        first claim.
      </p>`;

/** Whose fault it was. @param {{ provider?: string, code?: string }} attempt */
const blamed = ({ provider, code }) =>
  [provider, code].map((one) => (one ? html`<span class="tag"><bdi>${shown(one)}</bdi></span> ` : nothing));

/** @param {{ at: string, line: string }[]} lines */
const written = (lines) =>
  html`<div class="scroll" role="region" tabindex="0" aria-label="Lines">
    <table class="data">
      <caption>
        Lines
      </caption>
      <thead>
        <tr>
          <th scope="col">When</th>
          <th scope="col">Line</th>
        </tr>
      </thead>
      <tbody>
        ${lines.map(
          ({ at, line }) =>
            html`<tr>
              <td>${timeAt(instant(at), { seconds: true })}</td>
              <td class="words"><bdi>${shown(line)}</bdi></td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;

/** @param {string} name @param {unknown} value */
const said = (name, value) =>
  html`<h3>${name}</h3>
    <pre
      tabindex="0"
      aria-label=${name}
    ><bdi>${shown(typeof value === "string" ? value : JSON.stringify(value, null, 2))}</bdi></pre>`;

/** @param {unknown} fault */
const words = (fault) => (fault instanceof Error ? fault.message : String(fault));
