/** Chooses dead letters; the address holds what was chosen. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { place } from "./facts.js";
import { isAll, parameters } from "./filter.js";

/** @import { Context, Filter } from "../types.js" */

/** In a field: those that have none. */
const NONE = "(none)";
const REASONS = ["malformed", "reject", "expired", "poison", "in_doubt", "retries_exhausted"];

/** @param {Context} ctx @param {string} queue @param {Filter} filter */
export function filterForm(ctx, queue, filter) {
  const to = `${place(queue)}/dead`;
  /** @param {SubmitEvent} event */
  const submit = (event) => {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    /** @type {Filter} */
    const chosen = {};
    for (const name of /** @type {const} */ (["reason", "provider", "code", "class", "error", "id"])) {
      const text = String(form.get(name) ?? "").trim();
      if (text !== "") chosen[name] = text === NONE ? "" : text;
    }
    for (const name of /** @type {const} */ (["since", "before"])) {
      const ms = Date.parse(String(form.get(name) ?? ""));
      if (!Number.isNaN(ms)) chosen[name] = ms;
    }
    ctx.go(isAll(chosen) ? to : `${to}?${parameters(chosen)}`);
  };
  const text = (
    /** @type {"provider" | "code" | "class" | "error" | "id"} */ name,
    /** @type {string} */ label,
  ) =>
    html`<label class="field">
      <span>${label}</span>
      <input name=${name} .value=${filter[name] === "" ? NONE : (filter[name] ?? "")} spellcheck="false" />
    </label>`;
  const time = (/** @type {"since" | "before"} */ name, /** @type {string} */ label) =>
    html`<label class="field">
      <span>${label}</span>
      <input type="datetime-local" name=${name} .value=${local(filter[name])} />
    </label>`;
  return html`<details class="filter" ?open=${!isAll(filter)}>
    <summary>Filter</summary>
    <form class="filter" @submit=${submit}>
      <label class="field">
        <span>Reason</span>
        <select name="reason">
          <option value="">any</option>
          ${[...REASONS, NONE].map(
            (reason) =>
              html`<option
                value=${reason}
                ?selected=${(filter.reason === "" ? NONE : filter.reason) === reason}
              >
                ${reason}
              </option>`,
          )}
        </select>
      </label>
      ${text("provider", "Provider")} ${text("code", "Code")} ${text("class", "Outcome")}
      ${text("error", "Part of the error")} ${text("id", "Id")} ${time("since", "Given up since")}
      ${time("before", "Given up before")}
      <div class="row">
        <button class="primary">Filter</button>
        ${isAll(filter) ? nothing : html`<a href=${to}>Show all</a>`}
      </div>
    </form>
  </details>`;
}

/** As a field of the viewer's zone takes it. @param {number | undefined} ms */
export function local(ms) {
  if (ms === undefined) return "";
  const at = new Date(ms);
  return new Date(ms - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
