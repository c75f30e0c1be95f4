/** One message in lists and views: its state, where it is shown, and what can be done about it. */

import { html } from "../vendor/lit-html/lit-html.js";
import { change } from "../api.js";
import { shown, when, zone } from "../format.js";
import { ask } from "./dialog.js";

/** @import { Context, Template } from "../types.js" */

/** @type {Record<string, [kind: string, name: string]>} */
const STATES = {
  waiting: ["", "waiting"],
  sending: ["warn", "being sent"],
  delayed: ["warn", "delayed"],
  sent: ["good", "sent"],
  dead: ["bad", "given up"],
  cancelled: ["", "cancelled"],
};

/** @param {string} state */
export function stateTag(state) {
  const [kind, name] = STATES[state] ?? ["", shown(state)];
  return html`<span class="tag ${kind}">${name}</span>`;
}

/** @param {string} queue @param {string} id */
export const messageAt = (queue, id) => `#/messages/${encodeURIComponent(queue)}/${encodeURIComponent(id)}`;

/** @param {string} queue @param {string} key @param {number | null} near */
export const letterAt = (queue, key, near) =>
  `#/queues/${encodeURIComponent(queue)}/dead/${encodeURIComponent(key)}${near === null ? "" : `?near=${near}`}`;

/** The path of the API. @param {string} queue @param {string} id */
export const messagePath = (queue, id) =>
  `/api/v1/messages/${encodeURIComponent(queue)}/${encodeURIComponent(id)}`;

/** True once it is cancelled. @param {string} queue @param {string} id */
export const cancel = (queue, id) =>
  ask({
    title: `Cancel ${shown(id)}`,
    body: html`<p>It is never sent. Its id is free again, and its content is not kept.</p>`,
    action: "Cancel this message",
    danger: true,
    run: async () => {
      await change("DELETE", messagePath(queue, id));
      return `${shown(id)} is cancelled`;
    },
  });

/**
 * True once it has another time.
 *
 * @param {Context} ctx
 * @param {string} queue
 * @param {string} id
 * @param {number | null} due when it is sent as things are
 */
export function reschedule(ctx, queue, id, due) {
  let now = false;
  const at = localTime(due !== null && due > ctx.now() ? due : ctx.now() + 3_600_000);
  const body = (/** @type {() => void} */ redraw) => {
    const choice = (/** @type {boolean} */ is, /** @type {string} */ name) =>
      html`<label class="check">
        <input
          type="radio"
          name="moment"
          value=${is ? "now" : "at"}
          .checked=${now === is}
          @change=${() => {
            now = is;
            redraw();
          }}
        />
        ${name}
      </label>`;
    return html`<fieldset class="moments">
        <legend class="sr">When it is sent</legend>
        ${choice(false, "At a time")} ${choice(true, "Now")}
      </fieldset>
      <label class="field">
        <span>Time, of ${zone}</span>
        <input type="datetime-local" name="at" step="1" value=${at} ?disabled=${now} ?required=${!now} />
      </label>`;
  };
  return ask({
    title: `Reschedule ${shown(id)}`,
    body,
    action: "Reschedule",
    run: async (form) => {
      const wanted =
        form.get("moment") === "now" ? Math.floor(ctx.now()) : Date.parse(String(form.get("at")));
      if (Number.isNaN(wanted)) throw new Error("Give a day and a time");
      const answer = await change("PATCH", messagePath(queue, id), { send_at: wanted });
      return answer.due > ctx.now()
        ? `${shown(id)} is sent at ${when(answer.due, { seconds: true })}`
        : `${shown(id)} is sent as soon as a worker is free`;
    },
  });
}

/** As `datetime-local` writes it, in the viewer's zone. @param {number} ms */
function localTime(ms) {
  const at = new Date(ms);
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/**
 * Reschedule and Cancel.
 *
 * @param {Context} ctx
 * @param {string} queue
 * @param {{ id: string, due: number | null, look?: "quiet" | "" }} which
 * @param {() => void} then after either
 * @returns {Template}
 */
export function actions(ctx, queue, { id, due, look = "" }, then) {
  const after = async (/** @type {Promise<boolean>} */ done) => {
    if (await done) then();
  };
  return html`<div class="row tight">
    <button
      class=${look}
      aria-label="Reschedule ${shown(id)}"
      @click=${() => void after(reschedule(ctx, queue, id, due))}
    >
      Reschedule
    </button>
    <button
      class="danger ${look}"
      aria-label="Cancel ${shown(id)}"
      @click=${() => void after(cancel(queue, id))}
    >
      Cancel
    </button>
  </div>`;
}
