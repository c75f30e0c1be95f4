/** Lines over time, by uPlot, in the colours of the page. */

import uPlot from "../vendor/uplot/uPlot.esm.js";
import { when } from "../format.js";
import { legend } from "./legend.js";

/** @typedef {{ name: string, color: string, dash?: number[] }} Series */
/** @typedef {(n: number | null | undefined) => string} Format */

const HEIGHT = 180;

/**
 * An element for a template, with lines to be set: `set([seconds, …], [values, …], …)`. Arrow keys move through it.
 *
 * @param {{ label: string, series: Series[], format: Format }} what
 */
export function chart({ label, series, format }) {
  const element = document.createElement("div");
  const canvas = document.createElement("div");
  canvas.className = "plot";
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  canvas.tabIndex = 0;
  const shown = series.map(() => true);
  const key = legend(series, format, {
    shown,
    toggle(line) {
      shown[line] = !shown[line];
      repaint();
      key.show(data, null);
    },
  });
  element.append(canvas, key.element);
  /** @type {any[]} */
  let data = [[], ...series.map(() => [])];
  /** @type {any} */
  let plot = null;
  const color = (/** @type {string} */ name) => getComputedStyle(probe(element, name)).color;
  const pointed = () => /** @type {number | null | undefined} */ (plot?.cursor.idx);

  const make = () => {
    plot?.destroy();
    const axis = {
      stroke: color("--muted"),
      grid: { stroke: color("--line"), width: 1 },
      ticks: { show: false },
    };
    plot = new uPlot(
      {
        width: Math.max(canvas.clientWidth, 200),
        height: HEIGHT,
        padding: [8, 18, 0, 0],
        legend: { show: false },
        cursor: { y: false, drag: { setScale: false } },
        hooks: { setCursor: [() => key.show(data, pointed() ?? null)] },
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
          { ...axis, size: 28, values: "{HH}:{mm}" },
          {
            ...axis,
            size: 56,
            values: (/** @type {any} */ _, /** @type {number[]} */ ticks) => ticks.map(format),
          },
        ],
        series: [
          {},
          ...series.map(({ color: name, dash }, line) => ({
            show: shown[line],
            stroke: color(name),
            width: 2,
            dash,
            points: { show: data[0].length < 3 },
          })),
        ],
      },
      data,
      canvas,
    );
  };
  const resized = new ResizeObserver(() => {
    if (canvas.clientWidth === 0) return;
    if (!plot) make();
    else if (plot.width !== canvas.clientWidth) plot.setSize({ width: canvas.clientWidth, height: HEIGHT });
  });
  resized.observe(canvas);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const repaint = () => {
    if (plot) make();
  };
  dark.addEventListener("change", repaint);
  addEventListener("theme", repaint);
  canvas.addEventListener("keydown", (event) => {
    const last = data[0].length - 1;
    const at = pointed() ?? last + 1;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
    if (to === undefined || !plot || last < 0) return;
    event.preventDefault();
    const point = Math.min(Math.max(to, 0), last);
    plot.setCursor({ left: plot.valToPos(data[0][point], "x"), top: 0 });
    key.say(data, point);
  });
  canvas.addEventListener("blur", () => plot?.setCursor({ left: -10, top: -10 }));
  return {
    element,
    set(/** @type {any[]} */ next) {
      const few = data[0].length < 3;
      if (data[0].length === 0) leaveOutGiants(next.slice(1), shown);
      data = next;
      canvas.setAttribute("aria-label", `${label}: ${summary(data, series, format)}`);
      if (few && next[0].length >= 3) repaint();
      else plot?.setData(data);
      key.show(data, pointed() ?? null);
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

/** What the lines tell, in words. @param {any[]} data @param {Series[]} series @param {Format} format */
function summary([at, ...lines], series, format) {
  if (at.length === 0) return "nothing yet";
  const words = series.map(({ name }, line) => {
    const known = lines[line].filter((/** @type {number | null} */ n) => n !== null);
    if (known.length === 0) return `${name} unknown`;
    return `${name} ${format(known.at(-1))}, between ${format(Math.min(...known))} and ${format(Math.max(...known))}`;
  });
  return `since ${when(at[0] * 1000)}; ${words.join("; ")}`;
}

/**
 * A line beside which all others would lie flat is left out at first.
 *
 * @param {(number | null)[][]} lines
 * @param {boolean[]} shown
 */
function leaveOutGiants(lines, shown) {
  const tops = lines.map((line) => Math.max(0, ...line.map((n) => n ?? 0)));
  const giant = tops.indexOf(Math.max(...tops));
  const next = Math.max(0, ...tops.filter((_, line) => line !== giant));
  if (next > 0 && tops[giant] > 20 * next) shown[giant] = false;
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
