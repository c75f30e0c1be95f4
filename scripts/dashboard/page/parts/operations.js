/** What changes many dead letters. */

import { nothing } from "../vendor/lit-html/lit-html.js";

/** @import { Overview, Template } from "../types.js" */

/** @param {Overview} overview @param {{ queue?: string }} which @returns {Template} */
export function operations(overview, which) {
  (void overview, which);
  return nothing;
}
