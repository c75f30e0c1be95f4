/** What keeps a queue from moving, and what can be done about it. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { change } from "../api.js";
import { age } from "../format.js";
import { ask } from "./dialog.js";
import { say } from "./toast.js";

/** @import { Overview, Queue } from "../types.js" */

/** The worst that is told of a queue. @param {Overview} overview @param {string} queue */
export const level = (overview, queue) =>
  overview.alerts.find((alert) => alert.queue === queue && alert.kind !== "late_worker")?.level ?? "";

/** A tag for each. @param {Queue} queue */
export function tags(queue) {
  const tag = (/** @type {unknown} */ is, /** @type {string} */ kind, /** @type {string} */ name) =>
    is ? html`<span class="tag ${kind}">${name}</span>` : nothing;
  const stuck = queue.workers === 0 && queue.waiting + queue.processing > 0;
  return html`${tag(queue.broken, "bad", "broken")} ${tag(queue.breaker, "bad", "breaker open")}
  ${tag(stuck, "bad", "no worker")} ${tag(queue.paused, "warn", "paused")}
  ${tag(queue.intake_paused, "warn", "intake paused")} ${tag(queue.throttled, "warn", "throttled")}`;
}

const TIMES = [5, 15, 60, 240, 1440].map((minutes) => minutes * 60_000);

/** @param {string} queue */
const path = (queue) => `/api/v1/queues/${encodeURIComponent(queue)}`;

const note = html`<label class="field">
  <span>Note, for whoever finds it so</span>
  <input name="note" maxlength="500" />
</label>`;

/** @param {string} queue */
export const pause = (queue) =>
  ask({
    title: `Pause ${queue}`,
    body: html`<p>Workers finish what they hold and claim nothing more. What comes in waits.</p>
      <label class="field">
        <span>For</span>
        <select name="for">
          <option value="">until somebody resumes</option>
          ${TIMES.map((ms) => html`<option value=${ms}>${age(ms)}</option>`)}
        </select>
      </label>
      ${note}`,
    action: `Pause ${queue}`,
    run: async (form) => {
      const ms = String(form.get("for"));
      const body = { for_ms: ms === "" ? null : Number(ms), note: String(form.get("note")), intake: false };
      await change("POST", `${path(queue)}/pause`, body);
      return `${queue} is paused`;
    },
  });

/** @param {string} queue */
export const pauseIntake = (queue) =>
  ask({
    title: `Pause the intake of ${queue}`,
    body: html`<p>
        Whoever enqueues through the library, queuectl or HTTP is refused with your note; a plain LPUSH is
        not. Workers go on.
      </p>
      ${note}`,
    action: "Pause the intake",
    run: async (form) => {
      await change("POST", `${path(queue)}/pause`, {
        for_ms: null,
        note: String(form.get("note")),
        intake: true,
      });
      return `The intake of ${queue} is paused`;
    },
  });

/** @param {string} queue @param {boolean} intake */
export async function resume(queue, intake) {
  const what = intake ? `The intake of ${queue}` : queue;
  try {
    const { resumed } = await change("POST", `${path(queue)}/resume`, { intake });
    say(resumed ? `${what} goes on` : `${what} was not paused`);
  } catch (error) {
    say(error instanceof Error ? error.message : String(error), "bad");
  }
}
