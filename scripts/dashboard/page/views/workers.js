/** All workers. */

import { html } from "../vendor/lit-html/lit-html.js";
import { workers } from "../parts/workers.js";

/** @import { Context, View } from "../types.js" */

/** @param {Context} ctx @returns {View} */
export function open(ctx) {
  const table = workers(ctx);
  return {
    title: "Workers",
    live: () => table.live(),
    draw: () =>
      html`<h1>Workers</h1>
        ${table.draw(ctx.overview()?.workers ?? [], "All workers")}`,
  };
}
