/** Light, dark, or as the system has it. */

import { html } from "../vendor/lit-html/lit-html.js";

const root = document.documentElement;

/** @param {Event} event */
function choose(event) {
  const theme = /** @type {HTMLSelectElement} */ (event.target).value;
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
  try {
    if (theme === "system") localStorage.removeItem("theme");
    else localStorage.setItem("theme", theme);
  } catch {
    // Not remembered, then.
  }
  dispatchEvent(new Event("theme"));
}

export function themeSwitch() {
  const is = root.dataset.theme ?? "system";
  const option = (/** @type {string} */ value, /** @type {string} */ name) =>
    html`<option value=${value} ?selected=${is === value}>${name}</option>`;
  return html`<label class="theme">
    <span>Theme</span>
    <select @change=${choose}>
      ${option("system", "System")} ${option("light", "Light")} ${option("dark", "Dark")}
    </select>
  </label>`;
}
