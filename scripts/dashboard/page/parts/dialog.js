/** Asks before something is done, and shows what went wrong where it was asked. */

import { html, nothing, render } from "../vendor/lit-html/lit-html.js";
import { say } from "./toast.js";

/** @import { TemplateResult } from "../vendor/lit-html/lit-html.js" */

/**
 * @typedef {object} Question
 * @property {string} title
 * @property {TemplateResult | ((redraw: () => void) => TemplateResult)} body
 * @property {string} action what the button says: "Purge"
 * @property {boolean} [danger] whether it cannot be undone
 * @property {string | null} [typed] what must be typed first
 * @property {(form: FormData) => Promise<string>} run does it; what it returns is said
 */

/** @type {Set<HTMLDialogElement>} */
const open = new Set();
let last = 0;

/** Closes what is open, as if it had been cancelled. */
export function closeAll() {
  for (const dialog of open) dialog.close();
}

/**
 * True once it was done, false where it was cancelled.
 *
 * @param {Question} question
 * @returns {Promise<boolean>}
 */
export function ask({ title, body, action, danger = false, typed = null, run }) {
  const dialog = document.createElement("dialog");
  const id = `dialog-${++last}`;
  dialog.setAttribute("aria-labelledby", id);
  let busy = false;
  let done = false;
  let fault = "";
  let text = "";

  const submit = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    if (busy || (typed !== null && text.trim() !== typed)) return;
    busy = true;
    fault = "";
    const form = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    draw();
    try {
      say(await run(form));
      done = true;
      dialog.close();
    } catch (error) {
      fault = error instanceof Error ? error.message : String(error);
      busy = false;
      draw();
    }
  };

  const draw = () =>
    render(
      html`<form @submit=${submit} autocomplete="off">
        <h2 id=${id}>${title}</h2>
        <div class="stack">
          ${typeof body === "function" ? body(draw) : body} ${typed === null ? nothing : typing()}
        </div>
        <p class="fault" role="alert">${fault === "" ? nothing : html`<bdi>${fault}</bdi>`}</p>
        <div class="buttons">
          <button type="button" @click=${() => dialog.close()}>Cancel</button>
          <button
            class=${danger ? "danger" : "primary"}
            ?disabled=${busy || (typed !== null && text.trim() !== typed)}
          >
            ${busy ? html`<span class="spin"></span>` : nothing}${action}
          </button>
        </div>
      </form>`,
      dialog,
    );

  const typing = () =>
    html`<label class="field">
      <span>Type <strong class="typed">${typed}</strong> to confirm</span>
      <input
        name="typed"
        spellcheck="false"
        autocapitalize="off"
        @input=${(/** @type {InputEvent} */ event) => {
          text = /** @type {HTMLInputElement} */ (event.target).value;
          draw();
        }}
      />
    </label>`;

  draw();
  document.body.append(dialog);
  open.add(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      open.delete(dialog);
      dialog.remove();
      resolve(done);
    });
  });
}
