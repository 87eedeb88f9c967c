/**
 * A chart of what changes from layer to layer; the layer that is looked at stands out, and a click
 * goes to another one. A table says the same.
 */

import { make, makeDrawn } from "../element.js";
import { drawing } from "./drawing.js";
import { numberTable } from "./table.js";

/** @typedef {import("./step.js").Scene} Scene */
/**
 * `values` has one number for each layer; `look` is the class of its line.
 * @typedef {{name: string, values: ArrayLike<number>, look: string}} Series
 * `band` is filled between two numbers of each layer; `dots` are lone ones.
 * @typedef {{series: Series[], low: number, high: number, ticks: number[],
 *   say: (value: number) => string, tickText?: (tick: number) => string, label: string, height?: number,
 *   band?: {low: number[], high: number[]}, dots?: {layer: number, value: number}[]}} Chart
 */

const EDGES = { left: 46, top: 12, bottom: 44 };
const LETTER = 7.5; // CSS pixels, about
const WIDE_LETTER = 13;
const LINE = 16; // CSS pixels between two names
const MOST_NAMES = 0.4; // of the width; where they need more, a legend names the lines

/**
 * @param {Scene} scene
 * @param {Chart} chart
 * @returns {HTMLElement}
 */
export function depthChart(scene, chart) {
  const { series, low, high, ticks, say, tickText = String, label, band, dots = [], height = 240 } = chart;
  const { depth } = scene.facts.architecture;
  const here = scene.view.layer;
  const names = Math.max(...series.map(({ name }) => widthOf(name))) + 16;
  /** @type {(layer: number) => number} */
  let across = (layer) => layer;
  const up = (/** @type {number} */ value) =>
    height - EDGES.bottom - ((value - low) / (high - low || 1)) * (height - EDGES.top - EDGES.bottom);
  const place = (/** @type {number} */ value, /** @type {number} */ layer) =>
    `${across(layer).toFixed(1)} ${up(value).toFixed(1)}`;

  const legend = make("ul", "plain legend", ...series.map(({ name, look }) => {
    const line = makeDrawn("line", { x1: 0, x2: 28, y1: 5, y2: 5, class: `line ${look}` });
    const size = { width: 28, height: 10, class: "depth-chart", "aria-hidden": "true" };
    return make("li", "", makeDrawn("svg", size, line), name);
  }));

  const element = drawing(scene, { label, className: "depth-chart", height }, (width) => {
    const isNarrow = names > width * MOST_NAMES;
    legend.hidden = !isNarrow;
    const right = width - (isNarrow ? 12 : names);
    const gap = (right - EDGES.left) / depth;
    across = (layer) => EDGES.left + (layer + 0.5) * gap;
    const left = across(here) - gap / 2;
    return [
      makeDrawn("rect", { x: left, y: 0, width: gap, height: height - 22, rx: 6, class: "here" }),
      ...ticks.flatMap((tick) => tickAt(tick, up(tick), right, tickText(tick))),
      ...layerNames(scene, depth, across, gap, height),
      ...(band ? [makeDrawn("path", { d: bandPath(band, place), class: "spread" })] : []),
      ...series.map(({ values, look }) => lineOf(values, look, place)),
      ...series.map(({ values, look }) => {
        const at = { cx: across(here), cy: up(values[here]), r: 4.5 };
        return makeDrawn("circle", { ...at, class: `point ${look}` });
      }),
      ...dots.map(({ layer, value }) => makeDrawn("path", { d: cross(across(layer), up(value)), class: "lone" })),
      ...(isNarrow ? [] : endNames(series, up, across(depth - 1) + 12, height)),
    ];
  });
  element.addEventListener("click", (event) => {
    const x = event.clientX - element.getBoundingClientRect().left;
    const layers = Array.from({ length: depth }, (_, layer) => Math.abs(across(layer) - x));
    scene.go({ layer: layers.indexOf(Math.min(...layers)) });
  });
  const table = numberTable({
    rows: depth, columns: series.length, label, open: scene.text("show_table"),
    rowName: (layer) => scene.text("step21_layer_number", { layer }),
    columnName: (column) => series[column].name,
    cell: (layer, column) => say(series[column].values[layer]),
  });
  return make("div", "depth", element, legend, table);
}

/** @param {number} tick @param {number} y @param {number} right @param {string} said */
function tickAt(tick, y, right, said) {
  return [
    makeDrawn("line", { x1: EDGES.left, x2: right, y1: y, y2: y, class: tick === 0 ? "axis" : "grid" }),
    makeDrawn("text", { x: EDGES.left - 7, y: y + 4, "text-anchor": "end", class: "tick" }, said),
  ];
}

/**
 * @param {Scene} scene
 * @param {number} depth
 * @param {(layer: number) => number} across
 * @param {number} gap between two layers
 * @param {number} height
 */
function layerNames(scene, depth, across, gap, height) {
  const every = Math.ceil(18 / gap);
  const shown = Array.from({ length: depth }, (_, layer) => layer).filter((layer) => layer % every === 0);
  const y = height - EDGES.bottom + 17;
  return [
    ...shown.map((layer) => makeDrawn(
      "text",
      { x: across(layer), y, "text-anchor": "middle", class: layer === scene.view.layer ? "tick now" : "tick" },
      String(layer),
    )),
    makeDrawn(
      "text",
      { x: across((depth - 1) / 2), y: height - 5, "text-anchor": "middle", class: "tick" },
      scene.text("step21_after"),
    ),
  ];
}

/** @param {ArrayLike<number>} values @param {string} look @param {(value: number, layer: number) => string} place */
function lineOf(values, look, place) {
  return makeDrawn("path", { d: `M${Array.from(values, place).join("L")}`, class: `line ${look}` });
}

/** @param {{low: number[], high: number[]}} band @param {(value: number, layer: number) => string} place */
function bandPath({ low, high }, place) {
  const back = low.map((value, layer) => place(value, layer)).reverse();
  return `M${high.map(place).join("L")}L${back.join("L")}Z`;
}

/** @param {number} x @param {number} y */
function cross(x, y) {
  return `M${x - 4} ${y - 4}l8 8m0 -8l-8 8`;
}

/**
 * Names the lines at their ends, none upon another.
 * @param {Series[]} series
 * @param {(value: number) => number} up
 * @param {number} x
 * @param {number} height
 */
function endNames(series, up, x, height) {
  const ends = series
    .map(({ name, values, look }) => ({ name, look, y: up(values[values.length - 1]) }))
    .sort((one, other) => one.y - other.y);
  ends.forEach((end, place) => {
    if (place > 0) end.y = Math.max(end.y, ends[place - 1].y + LINE);
  });
  const floor = height - EDGES.bottom + 4;
  for (let place = ends.length - 1, limit = floor; place >= 0; place -= 1, limit -= LINE) {
    ends[place].y = Math.min(ends[place].y, limit);
  }
  return ends.map(({ name, look, y }) => makeDrawn("text", { x, y: y + 4, class: `name ${look}` }, name));
}

/** Gives about how wide a name is, in CSS pixels; letters of Korean are wider. @param {string} name */
function widthOf(name) {
  return [...name].reduce((width, letter) => width + (letter > "\u1100" ? WIDE_LETTER : LETTER), 0);
}
