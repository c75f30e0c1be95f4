/** Puts in a test message. */

import { html, nothing } from "../vendor/lit-html/lit-html.js";
import { change } from "../api.js";
import { shown } from "../format.js";
import { wrong } from "../parts/edit.js";

/** @import { Context, View } from "../types.js" */

/** By the name of the queue: what its worker takes. @type {Record<string, object>} */
const TEMPLATES = {
  email: { to: "test@example.com", subject: "A test", body: "This message was put in by hand." },
  sms: { to: "+15005550006", body: "This message was put in by hand." },
  whatsapp: { to: "+15005550006", body: "This message was put in by hand." },
};

/** @param {string} queue */
function template(queue) {
  const kind = Object.keys(TEMPLATES).find((name) => queue.startsWith(name)) ?? "email";
  return JSON.stringify(TEMPLATES[kind], null, 2);
}

/** @param {Context} ctx @returns {View} */
export function open(ctx) {
  let queue = ctx.query.get("queue") ?? "email";
  let text = template(queue);
  let fault = "";
  let busy = false;
  let edited = false;
  /** @type {{ queue: string, id: string } | null} */
  let put = null;

  /** @param {SubmitEvent} event */
  const submit = async (event) => {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    fault = wrong(text);
    if (busy || fault !== "") return ctx.redraw();
    busy = true;
    put = null;
    const query = new URLSearchParams({ lane: String(form.get("lane")) });
    if (form.get("force") !== null) query.set("force", "true");
    try {
      const { jobId } = await change(
        "POST",
        `/api/admin/jobs/${encodeURIComponent(queue)}?${query}`,
        JSON.parse(text),
      );
      put = { queue, id: jobId };
    } catch (error) {
      fault = error instanceof Error ? error.message : String(error);
    }
    busy = false;
    ctx.redraw();
  };
  /** @param {Event} event */
  const choose = (event) => {
    queue = /** @type {HTMLSelectElement} */ (event.target).value;
    if (!edited) text = template(queue);
    fault = "";
    ctx.redraw();
  };
  /** @param {InputEvent} event */
  const type = (event) => {
    text = /** @type {HTMLTextAreaElement} */ (event.target).value;
    edited = true;
    fault = wrong(text);
    ctx.redraw();
  };

  return {
    title: "Enqueue",
    draw() {
      if (ctx.session.read_only)
        return html`<h1>Enqueue</h1>
          <p class="panel empty">This server is read-only.</p>`;
      const names = new Set([
        ...(ctx.overview()?.queues.map((one) => one.queue) ?? []),
        ...Object.keys(TEMPLATES),
        queue,
      ]);
      return html`<h1>Enqueue a test message</h1>
        <form class="panel" @submit=${submit}>
          <div class="row">
            <label class="field">
              <span>Queue</span>
              <select name="queue" @change=${choose}>
                ${[...names].map((name) => html`<option value=${name} ?selected=${name === queue}>${shown(name)}</option>`)}
              </select>
            </label>
            <label class="field">
              <span>Lane</span>
              <select name="lane">
                <option value="pending">pending</option>
                <option value="high">high</option>
                <option value="low">low</option>
              </select>
            </label>
          </div>
          <label class="field">
            <span>The message, as JSON</span>
            <textarea
              name="message"
              rows="12"
              spellcheck="false"
              aria-describedby="enqueue-fault"
              .value=${text}
              @input=${type}
            ></textarea>
          </label>
          <label class="check"><input type="checkbox" name="force" /> Even if its id was sent before</label>
          <p class="fault" id="enqueue-fault" role="alert">
            ${fault === "" ? nothing : html`<bdi>${shown(fault)}</bdi>`}
          </p>
          <div class="row"><button class="primary" ?disabled=${busy}>Enqueue</button></div>
          <p role="status">
            ${
              put
                ? html`In the queue:
                    <a
                      class="mono"
                      href="#/messages/${encodeURIComponent(put.queue)}/${encodeURIComponent(put.id)}"
                      ><bdi>${shown(put.id)}</bdi></a
                    >`
                : nothing
            }
          </p>
        </form>`;
    },
  };
}
