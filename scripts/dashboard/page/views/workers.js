import { html } from "../vendor/lit-html/lit-html.js";

/** @import { Context, View } from "../types.js" */

/** @param {Context} ctx @returns {View} */
export function open(ctx) {
  return {
    title: "workers",
    draw: () =>
      html`<h1>workers</h1>
        <pre>${JSON.stringify(ctx.overview(), null, 2)}</pre>`,
  };
}
