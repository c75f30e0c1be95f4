import { html } from "../vendor/lit-html/lit-html.js";

/** @import { Context, View } from "../types.js" */

/** @param {Context} ctx @returns {View} */
export function open(ctx) {
  return {
    title: "overview",
    draw: () =>
      html`<h1>overview</h1>
        <pre>${JSON.stringify(ctx.overview(), null, 2)}</pre>`,
  };
}
