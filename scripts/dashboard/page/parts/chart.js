/** Lines over time, by uPlot, in the colours of the page. */

import uPlot from "../vendor/uplot/uPlot.esm.js";

/** @typedef {{ name: string, color: string }} Series */

/**
 * An element for a template, with lines to be set: `set([seconds, …], [values, …], …)`.
 *
 * @param {{ label: string, series: Series[], format: (n: number | null | undefined) => string }} what
 */
export function chart({ label, series, format }) {
  const element = document.createElement("div");
  element.className = "plot";
  element.setAttribute("role", "img");
  element.setAttribute("aria-label", label);
  /** @type {any[]} */
  let data = [[], ...series.map(() => [])];
  /** @type {any} */
  let plot = null;
  const color = (/** @type {string} */ name) => getComputedStyle(probe(element, name)).color;

  const make = () => {
    plot?.destroy();
    const axis = {
      stroke: color("--muted"),
      grid: { stroke: color("--line"), width: 1 },
      ticks: { show: false },
    };
    plot = new uPlot(
      {
        width: Math.max(element.clientWidth, 200),
        height: 190,
        cursor: { y: false, drag: { setScale: false } },
        scales: {
          x: { range: () => span(data[0]) },
          y: {
            range: (/** @type {any} */ _, /** @type {number} */ __, /** @type {number} */ max) => [
              0,
              Math.max(max || 0, 1) * 1.08,
            ],
          },
        },
        axes: [
          { ...axis, values: "{HH}:{mm}" },
          {
            ...axis,
            size: 56,
            values: (/** @type {any} */ _, /** @type {number[]} */ ticks) => ticks.map(format),
          },
        ],
        series: [
          { value: "{HH}:{mm}:{ss}", label: "at" },
          ...series.map(({ name, color: name_ }) => ({
            label: name,
            stroke: color(name_),
            width: 2,
            points: { show: data[0].length < 3 },
            value: (/** @type {any} */ _, /** @type {number | null} */ value) => format(value),
          })),
        ],
      },
      data,
      element,
    );
  };
  const resized = new ResizeObserver(() => {
    if (element.clientWidth === 0) return;
    if (!plot) make();
    else if (plot.width !== element.clientWidth) plot.setSize({ width: element.clientWidth, height: 190 });
  });
  resized.observe(element);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const repaint = () => {
    if (plot) make();
  };
  dark.addEventListener("change", repaint);
  addEventListener("theme", repaint);
  return {
    element,
    set(/** @type {any[]} */ next) {
      const few = data[0].length < 3;
      data = next;
      if (few && next[0].length >= 3) repaint();
      else plot?.setData(data);
    },
    close() {
      resized.disconnect();
      dark.removeEventListener("change", repaint);
      removeEventListener("theme", repaint);
      plot?.destroy();
      plot = null;
    },
  };
}

/** From the first to the last point, ten minutes at least. @param {number[]} at @returns {[number, number]} */
function span(at) {
  const end = at.at(-1) ?? Date.now() / 1000;
  return [Math.min(at[0] ?? end, end - 600), end];
}

/** What a colour's name means here and now. @param {HTMLElement} near @param {string} name */
function probe(near, name) {
  let it = /** @type {HTMLElement | null} */ (near.querySelector(":scope > i"));
  if (!it) {
    it = document.createElement("i");
    it.hidden = true;
    near.append(it);
  }
  it.style.color = `var(${name})`;
  return it;
}
