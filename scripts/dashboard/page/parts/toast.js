/** Says in a corner of the page what became of an action. */

import { html, render } from "../vendor/lit-html/lit-html.js";

/** @type {{ text: string, kind: "good" | "bad", id: number }[]} */
let shown = [];
let last = 0;
const LINGER_MS = 7_000;

/**
 * Good news goes by itself, bad news stays until it is closed.
 *
 * @param {string} text
 * @param {"good" | "bad"} [kind]
 */
export function say(text, kind = "good") {
  const id = ++last;
  shown = [...shown.slice(-3), { text, kind, id }];
  draw();
  if (kind === "good") setTimeout(() => forget(id), LINGER_MS);
}

/** @param {number} id */
function forget(id) {
  shown = shown.filter((toast) => toast.id !== id);
  draw();
}

function draw() {
  const root = document.getElementById("toasts");
  if (!root) return;
  const of = (/** @type {"good" | "bad"} */ kind) =>
    shown
      .filter((toast) => toast.kind === kind)
      .map(
        ({ text, id }) =>
          html`<div class="toast ${kind}">
            <p><bdi>${text}</bdi></p>
            <button class="plain" aria-label="Close this notice" @click=${() => forget(id)}>✕</button>
          </div>`,
      );
  render(
    html`<div role="status">${of("good")}</div>
      <div role="alert">${of("bad")}</div>`,
    root,
  );
}

// Live regions are heard only when they were there before their text.
draw();
