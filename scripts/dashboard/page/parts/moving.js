/** Requeues or purges what a filter chooses: tells how many first, and goes on in the server. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { change } from "../api.js";
import { count, number } from "../format.js";
import { ask } from "./dialog.js";
import { inWords, isAll } from "./filter.js";
import { say } from "./toast.js";

/** @import { Filter } from "../types.js" */

/** @param {string} queue */
const path = (queue) => `/api/v1/queues/${encodeURIComponent(queue)}/dead`;

/** How many a filter means; null where that cannot be told. @param {string} queue @param {"requeue" | "purge"} kind @param {Filter} filter */
async function counted(queue, kind, filter) {
  try {
    return await change("POST", `${path(queue)}/${kind}`, { filter, all: isAll(filter), dry_run: true });
  } catch (error) {
    say(error instanceof Error ? error.message : String(error), "bad");
    return null;
  }
}

/** @param {{ count: number, complete?: boolean }} counted */
const many = ({ count: n, complete = true }) => `${complete ? "" : "at least "}${count(n, "dead letter")}`;

/** @param {{ count: number, complete?: boolean }} counted */
const isNone = ({ count, complete = true }) => count === 0 && complete;

/** @param {string} queue @param {Filter} filter */
export async function requeue(queue, filter) {
  const found = await counted(queue, "requeue", filter);
  if (!found) return false;
  if (isNone(found)) return none();
  return ask({
    title: `Requeue ${many(found)}`,
    body: html`<p>
        Of <bdi>${queue}</bdi>: <bdi>${inWords(filter)}</bdi>. Each goes to the end of its own lane, with its
        full retries.
      </p>
      <label class="field">
        <span>How fast</span>
        <select name="per_second">
          <option value="">all at once</option>
          ${[1, 5, 20, 100].map((n) => html`<option value=${n}>${n} a second</option>`)}
        </select>
      </label>`,
    action: `Requeue ${number(found.count)}`,
    run: async (form) => {
      const pace = String(form.get("per_second"));
      const per_second = pace === "" ? undefined : Number(pace);
      const limit = found.complete === false ? undefined : found.count;
      await change("POST", `${path(queue)}/requeue`, { filter, all: isAll(filter), limit, per_second });
      return `${many(found)} of ${queue}: requeueing`;
    },
  });
}

/** @param {string} queue @param {Filter} filter */
export async function purge(queue, filter) {
  const found = await counted(queue, "purge", filter);
  if (!found) return false;
  if (isNone(found)) return none();
  return ask({
    title: `Purge ${many(found)}`,
    body: html`<p>
      Of <bdi>${queue}</bdi>: <bdi>${inWords(filter)}</bdi>. They are gone for
      good${isAll(filter) ? nothing : ", whoever they were for"}.
    </p>`,
    action: `Purge ${number(found.count)}`,
    danger: true,
    typed: queue,
    run: async () => {
      const limit = found.complete === false ? undefined : found.count;
      await change("POST", `${path(queue)}/purge`, { filter, all: isAll(filter), limit });
      return `${many(found)} of ${queue}: purging`;
    },
  });
}

function none() {
  say("None fits any more", "bad");
  return false;
}
