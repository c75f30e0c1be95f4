/** Puts in a message, to see that it is sent. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { live } from "../vendor/lit-html/directives/live.js";
import { ApiError, change } from "../api.js";
import { parse } from "../parts/json.js";
import { shown } from "../format.js";
import { messageAt } from "../parts/message.js";
import { say } from "../parts/toast.js";
import { templates } from "../parts/templates.js";

/** @import { Context, Template, View } from "../types.js" */
/** @typedef {{ queue: string, id: string, created: boolean }} Done */

const CHANNELS = ["email", "sms", "whatsapp"];

/** @param {Context} ctx @returns {View} */
export function open(ctx) {
  let queue = ctx.query.get("queue") || "email";
  let template = templates(queue)[0];
  let text = template.text;
  let busy = false;
  let fault = "";
  /** @type {Done | null} */
  let done = null;

  function fill() {
    text = template.text;
    ctx.redraw();
  }

  /** @param {Event} event */
  function chooseQueue(event) {
    const untouched = text === template.text;
    queue = /** @type {HTMLSelectElement} */ (event.target).value;
    template = templates(queue)[0];
    if (untouched) text = template.text;
    ctx.redraw();
  }

  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    const { message } = parsed(text);
    if (busy || !message) return;
    const form = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    const into = new URLSearchParams({
      lane: String(form.get("lane")),
      force: String(form.get("force") === "yes"),
    });
    const target = queue;
    busy = true;
    [fault, done] = ["", null];
    ctx.redraw();
    try {
      const { id, created } = await change(
        "POST",
        `/api/v1/messages/${encodeURIComponent(target)}?${into}`,
        message,
      );
      done = { queue: target, id, created };
      say(
        created ? `${shown(id)} waits in ${target}` : `${shown(id)} is known already; nothing was put in`,
        created ? "good" : "bad",
      );
    } catch (error) {
      fault = inWords(error);
    }
    busy = false;
    ctx.redraw();
  }

  return {
    title: "Enqueue",
    draw: () =>
      html`<h1>Enqueue a test message</h1>
        ${
          ctx.session.read_only
            ? html`<p class="panel empty">This server is read-only: nothing can be put in here.</p>`
            : form()
        }`,
  };

  /** @returns {Template} */
  function form() {
    const { fault: unusable } = parsed(text);
    const names = new Set([...CHANNELS, ...(ctx.overview()?.queues.map((one) => one.queue) ?? []), queue]);
    return html`<form class="panel" aria-label="Message" @submit=${submit}>
        <div class="row">
          <label class="field">
            <span>Queue</span>
            <select name="queue" @change=${chooseQueue}>
              ${[...names].sort().map((name) => html`<option value=${name} .selected=${name === queue}>${shown(name)}</option>`)}
            </select>
          </label>
          <label class="field">
            <span>Lane</span>
            <select name="lane">
              <option value="high">high: urgent</option>
              <option value="pending" selected>pending: all others</option>
              <option value="low">low: bulk</option>
            </select>
          </label>
        </div>
        <div class="row" role="group" aria-label="Templates">
          <span class="muted">Begin with</span>
          ${templates(queue).map(
            (one) =>
              html`<button
                type="button"
                @click=${() => {
                  template = one;
                  fill();
                }}
              >
                ${one.name}
              </button>`,
          )}
        </div>
        <label class="field">
          <span>Message (JSON)</span>
          <textarea
            name="message"
            spellcheck="false"
            autocapitalize="off"
            aria-describedby="json-fault"
            aria-invalid=${unusable === "" ? "false" : "true"}
            .value=${live(text)}
            @input=${(/** @type {InputEvent} */ event) => {
              text = /** @type {HTMLTextAreaElement} */ (event.target).value;
              ctx.redraw();
            }}
          ></textarea>
        </label>
        <p id="json-fault" class="fault" role="status">${unusable}</p>
        <label class="check">
          <input type="checkbox" name="force" value="yes" />
          Force: put it in even where its id was sent before; one that waits or is delayed gives way to it
        </label>
        <div class="row">
          <button class="primary" ?disabled=${busy || unusable !== ""}>
            ${busy ? html`<span class="spin"></span>` : nothing}Enqueue
          </button>
        </div>
      </form>
      <div class="outcome" role="alert">
        ${fault === "" ? nothing : html`<p class="panel fault"><bdi>${fault}</bdi></p>`}
      </div>
      ${done ? outcome(done) : nothing}`;
  }
}

/** @param {Done} done */
function outcome({ queue, id, created }) {
  const link = html`<a href=${messageAt(queue, id)}>What becomes of <bdi class="mono">${shown(id)}</bdi></a>`;
  return html`<section class="panel" aria-labelledby="outcome">
    <h2 id="outcome">${created ? "It waits" : "Its id is known already"}</h2>
    <p>
      ${
        created
          ? html`It waits in <bdi>${shown(queue)}</bdi> for a worker.`
          : "A message of this id waits, is in hand, is delayed, or was sent within its retention. Nothing was put in; Force puts it in all the same."
      }
    </p>
    <p>${link}</p>
  </section>`;
}

/** @param {string} text @returns {{ message: object | null, fault: string }} */
function parsed(text) {
  if (text.trim() === "") return { message: null, fault: "A message is a JSON object, in braces" };
  try {
    const message = parse(text);
    const isObject = typeof message === "object" && message !== null && !Array.isArray(message);
    return isObject
      ? { message, fault: "" }
      : { message: null, fault: "A message is a JSON object, in braces" };
  } catch (error) {
    return { message: null, fault: `No JSON: ${error instanceof Error ? error.message : error}` };
  }
}

/** @param {unknown} error */
function inWords(error) {
  const said = error instanceof Error ? error.message : String(error);
  if (!(error instanceof ApiError)) return said;
  if (error.status === 422) return `Nothing was put in; a worker would refuse it for good: ${said}`;
  if (error.code === "intake_paused") return `Nothing was put in, the intake is paused: ${said}`;
  return error.status === 0 ? said : `Nothing was put in: ${said}`;
}
