/** The gate: asks for the token. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { ApiError } from "../api.js";
import { age } from "../format.js";

let busy = false;
let fault = "";

/**
 * @param {(token: string) => Promise<void>} signIn
 * @param {() => void} redraw
 */
export function login(signIn, redraw) {
  const submit = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    const field = /** @type {HTMLInputElement} */ (form.elements.namedItem("token"));
    if (busy || field.value === "") return;
    busy = true;
    fault = "";
    redraw();
    try {
      await signIn(field.value.trim());
    } catch (error) {
      fault = words(error);
      field.select();
    }
    busy = false;
    redraw();
  };
  return html`<main class="login">
    <form @submit=${submit}>
      <h1>redispatch</h1>
      <p>Sign in with the token this server was started with (<code>API_TOKEN</code>).</p>
      <input name="user" autocomplete="username" value="redispatch" hidden />
      <label class="field">
        <span>Token</span>
        <input type="password" name="token" autocomplete="current-password" required spellcheck="false" />
      </label>
      <p class="fault" role="alert">${fault === "" ? nothing : fault}</p>
      <button class="primary" ?disabled=${busy}>Sign in</button>
    </form>
  </main>`;
}

/** @param {unknown} error */
function words(error) {
  if (!(error instanceof ApiError)) return String(error);
  if (error.code === "wrong_token") return "This is not the token.";
  if (error.status === 429) {
    const wait = error.retryAfter === null ? "a while" : age(error.retryAfter * 1000);
    return `Too many wrong tokens. Try again in ${wait}.`;
  }
  return error.message;
}
