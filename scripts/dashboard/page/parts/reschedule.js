/** Asks for a new time. */

import { html } from "../vendor/lit-html/lit-html.js";
import { change } from "../api.js";
import { when, zone } from "../format.js";
import { ask } from "./dialog.js";
import { local } from "./filter_form.js";

/** @param {string} path of the message */
export const reschedule = (path) =>
  ask({
    title: "Reschedule this message",
    body: html`<label class="field">
        <span>Send it at (${zone})</span>
        <input type="datetime-local" name="at" .value=${local(Date.now() + 3_600_000)} />
      </label>
      <label class="check"><input type="checkbox" name="now" /> Or now</label>`,
    action: "Reschedule",
    run: async (form) => {
      const now = form.get("now") !== null;
      const at = now ? Date.now() : Date.parse(String(form.get("at")));
      if (Number.isNaN(at)) throw new Error("Choose a time");
      await change("PATCH", path, { send_at: at });
      return now ? "It is sent now" : `It is sent at ${when(at)}`;
    },
  });
