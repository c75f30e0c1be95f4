/** A queue's last half hour in a few square centimetres: what came in, what went out. The numbers stand beside it. */

import { html, nothing, svg } from "../vendor/lit-html/lit-html.js";
import { read } from "../api.js";

/** @import { Context, History } from "../types.js" */
/** @typedef {(number | null)[]} Line */

const POINTS = 180;
const LEAST = 30;
const REFRESH_MS = 10_000;
/** Queues that get one: each asks the server every ten seconds. */
const MOST = 24;

/** @param {Context} ctx */
export function sparks(ctx) {
  /** @type {Map<string, ReturnType<typeof drawn>>} */
  const pictures = new Map();
  let asked = 0;
  let closed = false;

  async function load() {
    asked = Date.now();
    const queues = ctx.overview()?.queues.slice(0, MOST) ?? [];
    for (const { queue } of queues) {
      if (closed) return;
      try {
        const path = `/api/v1/history?${new URLSearchParams({ queue })}`;
        const { in_per_second, out_per_second } = /** @type {History} */ (await read(path));
        pictures.set(queue, drawn(in_per_second.slice(-POINTS), out_per_second.slice(-POINTS)));
      } catch {
        // The banner tells; it is asked for again.
        return;
      }
    }
    if (!closed) ctx.redraw();
  }

  return {
    live() {
      if (!document.hidden && Date.now() - asked >= REFRESH_MS) void load();
    },
    close() {
      closed = true;
    },
    /** @param {string} queue */
    of: (queue) => pictures.get(queue) ?? html`<div class="spark"></div>`,
  };
}

/** @param {Line} came @param {Line} went */
function drawn(came, went) {
  const top = Math.max(0.001, ...[...came, ...went].map((n) => n ?? 0));
  // Of a server that has just begun at least the last minutes.
  const width = Math.max(came.length, LEAST) - 1;
  const path = (/** @type {Line} */ line) => {
    let pen = "M";
    return line
      .map((n, at) => {
        if (n === null) {
          pen = "M";
          return "";
        }
        const step = `${pen}${width + 1 - line.length + at} ${(31 - (29 * n) / top).toFixed(1)}`;
        pen = "L";
        return step;
      })
      .join("");
  };
  const line = (/** @type {string} */ kind, /** @type {string} */ d) =>
    d === "" ? nothing : svg`<path class=${kind} d=${d} vector-effect="non-scaling-stroke" />`;
  return html`<svg class="spark" viewBox="0 0 ${width} 32" preserveAspectRatio="none" aria-hidden="true">
    ${line("in", path(came))} ${line("out", path(went))}
  </svg>`;
}
