/** What changes many dead letters, while it does and when it has ended. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { change } from "../api.js";
import { age, count, number, rate, shown } from "../format.js";
import { inWords } from "./filter.js";
import { say } from "./toast.js";
import { timeAt } from "./time.js";

/** @import { Operation, Overview, Template } from "../types.js" */

/** Those that ended are shown for so long, ms. */
const SHOWN = 600_000;

/** @param {Operation} operation */
async function stop({ id }) {
  try {
    await change("DELETE", `/api/v1/operations/${encodeURIComponent(id)}`);
    say("It stops: what was moved stays moved");
  } catch (error) {
    say(error instanceof Error ? error.message : String(error), "bad");
  }
}

/** @param {Overview} overview @param {{ queue?: string, readOnly?: boolean }} which @returns {Template} */
export function operations(overview, { queue, readOnly = false }) {
  const meant = (overview.operations ?? []).filter(
    (operation) =>
      (queue === undefined || operation.queue === queue) &&
      (operation.ended === null || overview.at - operation.ended < SHOWN),
  );
  if (meant.length === 0) return nothing;
  return html`<section class="panel" aria-labelledby="operations">
    <h2 id="operations">Under way</h2>
    ${meant.map((operation) => one(operation, overview, readOnly))}
  </section>`;
}

/** @param {Operation} operation @param {Overview} overview @param {boolean} readOnly */
function one(operation, overview, readOnly) {
  const { kind, queue, filter, state, stopping, moved, total, looked_at, began, ended, error, limit } =
    operation;
  const past = kind === "purge" ? "purged" : "requeued";
  // What was confirmed is moved, out of all that is looked at.
  const [done, goal] = limit === null ? [looked_at ?? moved, total] : [moved, limit];
  const seconds = Math.max(1, ((ended ?? overview.at) - began) / 1000);
  const left = goal === null || done === 0 ? null : (Math.max(0, goal - done) * seconds) / done;
  const name = `${kind === "purge" ? "Purge" : "Requeue"} of ${queue}: ${inWords(filter)}`;
  return html`<div class="stack operation">
    <div class="row spread">
      <p>
        <strong>${kind === "purge" ? "Purge" : "Requeue"}</strong> <bdi>${shown(queue)}</bdi>:
        <bdi>${inWords(filter)}</bdi>
      </p>
      <span class="tag ${state === "failed" ? "bad" : state === "done" ? "good" : "warn"}">${state}</span>
    </div>
    ${
      state === "running"
        ? html`<progress
            aria-label=${name}
            max=${Math.max(goal ?? 1, 1)}
            .value=${goal === null ? 0 : done}
          ></progress>`
        : nothing
    }
    <div class="row spread">
      <p class="muted">
        ${count(moved, "message")}
        ${past}${
          looked_at !== null && total !== null && state === "running"
            ? `, ${number(looked_at)} of ${number(total)} looked at`
            : ""
        }${
          state === "running"
            ? `, ${rate(moved / seconds)} a second${left === null ? "" : `, about ${age(left * 1000)} to go`}`
            : ""
        }${ended === null ? nothing : html`, ended ${timeAt(ended, { seconds: true })}`}
      </p>
      ${
        state === "running" && !readOnly
          ? html`<button
              class="danger"
              aria-label="Stop the ${kind} of ${queue}"
              ?disabled=${stopping}
              @click=${() => stop(operation)}
            >
              ${stopping ? "Stopping…" : "Stop"}
            </button>`
          : nothing
      }
    </div>
    ${error ? html`<p class="fault"><bdi>${shown(error)}</bdi></p>` : nothing}
  </div>`;
}
