/** What is shown where there is nothing to show. */

import { html } from "../vendor/lit-html/lit-html.js";

/** @import { View } from "../types.js" */

/** @returns {View} */
export const missing = () => ({
  title: "Nothing here",
  draw: () =>
    html`<section class="empty">
      <h1>There is nothing at this address</h1>
      <p><a href="#/">All queues</a></p>
    </section>`,
});

export const unloaded = () =>
  html`<section class="empty">
    <h1>This view could not be shown</h1>
    <p>Its program could not be loaded, or has a fault that the browser's console tells.</p>
    <p><button @click=${() => location.reload()}>Load the page again</button></p>
  </section>`;
