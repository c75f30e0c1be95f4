/** Edits a dead letter as JSON. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { ApiError, change, readText } from "../api.js";
import { ask } from "./dialog.js";
import { parse, write } from "./json.js";
import { say } from "./toast.js";

/** @param {string} text @returns {string} what is wrong with it, "" where nothing is */
export function wrong(text) {
  try {
    const value = JSON.parse(text);
    return value !== null && typeof value === "object" && !Array.isArray(value)
      ? ""
      : "It has to be a JSON object.";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** What is no JSON, or no object, is there to be mended, too. @param {{ message: unknown, text: string | null }} letter */
function editable({ message, text }) {
  if (message === null) return text ?? "null";
  const isObject = typeof message === "object" && !Array.isArray(message);
  return write(isObject ? { ...message, _delivery: undefined } : message);
}

/**
 * The letter's new key, and whether it was requeued; null where nothing was done.
 *
 * @param {string} path @param {string} query that asks for all of it @param {{ near?: number }} where
 * @returns {Promise<{ key: string, requeued: boolean } | null>}
 */
export async function edit(path, query, where) {
  let letter;
  try {
    letter = parse(await readText(path + query));
  } catch (error) {
    say(error instanceof Error ? error.message : String(error), "bad");
    return null;
  }
  let text = editable(letter);
  let fault = "";
  let refused = false;
  /** @type {{ key: string, requeued: boolean } | null} */
  let went = null;
  await ask({
    title: "Edit this message",
    body: (redraw) =>
      html`<label class="field">
          <span>The message, as JSON; what is known of its delivery is kept</span>
          <textarea
            name="message"
            rows="16"
            spellcheck="false"
            aria-describedby="edit-fault"
            .value=${text}
            @input=${(/** @type {InputEvent} */ event) => {
              text = /** @type {HTMLTextAreaElement} */ (event.target).value;
              fault = wrong(text);
              redraw();
            }}
          ></textarea>
        </label>
        <p class="fault" id="edit-fault">${fault === "" ? nothing : fault}</p>
        <label class="check"><input type="checkbox" name="requeue" /> Requeue it at once</label>
        ${
          refused
            ? html`<label class="check"
                ><input type="checkbox" name="force" /> Keep it even so: a worker would refuse it</label
              >`
            : nothing
        }`,
    action: "Save",
    run: async (form) => {
      if (wrong(text) !== "") throw new Error("Nothing was saved: a message is a JSON object");
      const requeue = form.get("requeue") !== null;
      const body = { message: parse(text), requeue, force: form.get("force") !== null, ...where };
      try {
        const answer = await change("PUT", path, body);
        went = answer;
        return answer.requeued ? "Saved and requeued" : answer.edited ? "Saved" : "Nothing was changed";
      } catch (error) {
        refused = error instanceof ApiError && error.code === "unusable_message";
        throw error;
      }
    },
  });
  return went;
}
