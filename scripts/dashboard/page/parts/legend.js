/** What the lines of a chart are, and what they are at the point that is looked at. Each can be left out. */

import { html, nothing, render } from "../vendor/lit-html/lit-html.js";
import { when } from "../format.js";

/** @import { Format, Series } from "./chart.js" */

/**
 * @param {Series[]} series
 * @param {Format} format
 * @param {{ shown: boolean[], toggle: (line: number) => void }} lines
 */
export function legend(series, format, { shown, toggle }) {
  const element = document.createElement("div");
  element.className = "legend";
  let spoken = "";

  const at = (/** @type {any[]} */ data, /** @type {number} */ point) =>
    when(data[0][point] * 1000, { seconds: true });
  // Of now, where nothing is looked at: a line may end a point earlier than another.
  const value = (/** @type {(number | null)[]} */ line, /** @type {number | null} */ point) =>
    point === null ? (line.at(-1) ?? line.at(-2)) : line[point];

  /** @param {any[]} data @param {number | null} point */
  function show(data, point) {
    render(
      html`${series.map(
          ({ name }, line) =>
            html`<button
              class="key key-${name.replace(/ /g, "-")}"
              aria-pressed=${String(shown[line])}
              title=${shown[line] ? "Leave this line out" : "Show this line"}
              @click=${() => toggle(line)}
            >
              <i></i>${name} <strong>${format(value(data[line + 1], point))}</strong>
            </button>`,
        )} <span class="muted">${point === null ? nothing : at(data, point)}</span>
        <span class="sr" aria-live="polite">${point === null ? nothing : spoken}</span>`,
      element,
    );
  }

  return {
    element,
    show,
    /** As `show`, and aloud. @param {any[]} data @param {number} point */
    say(data, point) {
      const words = series.map(({ name }, line) => `${name} ${format(data[line + 1][point])}`);
      spoken = `${at(data, point)}: ${words.join(", ")}`;
      show(data, point);
      spoken = "";
    },
  };
}
