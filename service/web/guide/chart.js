/**
 * Lines over an axis, as SVG, with their numbers as a table.
 */

import { make, makeDrawn } from "../element.js";
import { number } from "./number.js";
import { numberTable } from "./table.js";

/**
 * @typedef {{name: string, values: ArrayLike<number>, x?: ArrayLike<number>, className?: string}} Series
 * @typedef {object} ChartOptions
 * @property {Series[]} series
 * @property {string} xName
 * @property {string} yName
 * @property {string} label
 * @property {number} [height] CSS pixels
 * @property {[number, number]} [range] of the vertical axis
 * @property {number} [mark] a place on the horizontal axis that is marked
 */

const HEIGHT = 240;
const EDGES = { left: 52, right: 16, top: 26, bottom: 42 };
const SHARES = [0, 0.25, 0.5, 0.75, 1];
const DASHES = ["", "6 4", "2 3", "8 3 2 3"];

/**
 * Draws lines.
 * @param {import("./step.js").Scene} scene
 * @param {ChartOptions} options
 * @returns {HTMLElement}
 */
export function lineChart(scene, options) {
  const { series, xName, yName, label, height = HEIGHT } = options;
  const all = series.flatMap(({ values }) => [...Array.from(values)]);
  const places = series.map(({ values, x }) => Array.from(x ?? Array.from(values, (_, index) => index)));
  const [low, high] = options.range ?? padded(Math.min(...all), Math.max(...all));
  const [first, last] = [Math.min(...places.flat()), Math.max(...places.flat())];
  const svg = makeDrawn("svg", { class: "line-chart", role: "img", "aria-label": label, height });
  const legend = make("ul", "plain legend", ...series.map(({ name }, index) => make("li", "", swatch(index), name)));
  const figure = make("figure", "chart", svg, ...(series.length > 1 ? [legend] : []));

  const draw = () => {
    const width = figure.clientWidth;
    if (width === 0) return;
    const right = width - EDGES.right;
    const bottom = height - EDGES.bottom;
    /** @param {number} value */
    const atX = (value) => EDGES.left + ((value - first) / (last - first || 1)) * (right - EDGES.left);
    /** @param {number} value */
    const atY = (value) => bottom - ((value - low) / (high - low || 1)) * (bottom - EDGES.top);
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("width", String(width));
    svg.replaceChildren(
      ...SHARES.flatMap((share) => {
        const value = low + share * (high - low);
        const y = atY(value);
        return [
          makeDrawn("line", { x1: EDGES.left, x2: right, y1: y, y2: y, class: "rule" }),
          makeDrawn("text", { x: EDGES.left - 8, y: y + 4, "text-anchor": "end", class: "tick" }, number(value, 3)),
        ];
      }),
      ...SHARES.map((share) => {
        const value = first + share * (last - first);
        const anchor = share === 1 ? "end" : "middle";
        return makeDrawn("text", { x: atX(value), y: bottom + 18, "text-anchor": anchor, class: "tick" }, number(Math.round(value * 100) / 100, 3));
      }),
      makeDrawn("text", { x: 0, y: 13, class: "axis" }, yName),
      makeDrawn("text", { x: right, y: height - 6, "text-anchor": "end", class: "axis" }, xName),
      ...(options.mark === undefined ? [] : [makeDrawn("line", { x1: atX(options.mark), x2: atX(options.mark), y1: EDGES.top, y2: bottom, class: "marked" })]),
      ...series.map(({ values, className = "" }, index) => {
        const points = Array.from(values, (value, at) => `${atX(places[index][at]).toFixed(1)},${atY(value).toFixed(1)}`);
        return makeDrawn("polyline", { points: points.join(" "), class: `line series-${index} ${className}`, "stroke-dasharray": DASHES[index % DASHES.length] });
      }),
    );
  };
  const observer = new ResizeObserver(draw);
  observer.observe(figure);
  scene.signal.addEventListener("abort", () => observer.disconnect());
  figure.append(numberTable({
    rows: places[0].length, columns: series.length, label, open: scene.text("show_table"),
    rowName: (row) => `${xName} ${number(places[0][row])}`, columnName: (column) => series[column].name,
    cell: (row, column) => series[column].values[row] ?? "",
  }));
  return figure;
}

/** @param {number} low @param {number} high */
function padded(low, high) {
  const margin = (high - low || Math.abs(high) || 1) * 0.06;
  return [low >= 0 && low - margin < 0 ? 0 : low - margin, high + margin];
}

/** @param {number} index */
function swatch(index) {
  const line = makeDrawn("line", { x1: 0, x2: 28, y1: 5, y2: 5, class: `line series-${index}`, "stroke-dasharray": DASHES[index % DASHES.length] });
  return makeDrawn("svg", { width: 28, height: 10, "aria-hidden": "true" }, line);
}
