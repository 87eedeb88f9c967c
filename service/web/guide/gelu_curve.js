/**
 * The curve of GELU with one token's hidden units on it, and how they are spread.
 */

import { makeDrawn } from "../element.js";
import { drawing } from "./drawing.js";
import { gelu } from "./gelu.js";
import { number } from "./number.js";

/** @typedef {import("./lengths.js").Values} Values */
/** @typedef {(value: number) => number} Place */

const HEIGHT = 326;
const EDGES = { left: 40, right: 14, top: 18 };
const FLOOR = 214; // the lowest place of the curve's part
const SPREAD = { top: 226, bottom: 280 }; // of the columns that count the units
const SMOOTH = 200; // parts of the curve
const LEAST = 3; // the axis reaches at least so far from zero
const FINE = 40; // columns are half as wide on axes that are shorter than this

/**
 * Draws the curve; gives its element and the function that marks a unit on it.
 * @param {import("./step.js").Scene} scene
 * @param {{hidden: Values, label: string, onPick: (unit: number) => void}} options hidden: what enters GELU
 * @returns {{element: HTMLElement, choose: (unit: number) => void}}
 */
export function geluCurve(scene, { hidden, label, onPick }) {
  const units = Array.from(hidden);
  const low = Math.min(-LEAST, Math.floor(Math.min(...units)));
  const high = Math.max(LEAST, Math.ceil(Math.max(...units)));
  const mark = makeDrawn("g", { class: "chosen" });
  let chosen = 0;
  /** @type {Place} */ let across = (u) => u;
  /** @type {Place} */ let up = (y) => y;
  const point = (/** @type {number} */ u) => `${across(u).toFixed(1)} ${up(gelu(u)).toFixed(1)}`;

  const choose = (/** @type {number} */ unit) => {
    chosen = unit;
    mark.replaceChildren(...marked(units[unit], across, up));
  };
  const element = drawing(scene, { label, className: "gelu-curve", height: HEIGHT }, (width) => {
    const room = width - EDGES.left - EDGES.right;
    across = (u) => EDGES.left + ((u - low) / (high - low)) * room;
    const bottom = -0.1 * high;
    up = (y) => FLOOR - ((y - bottom) / (high - bottom)) * (FLOOR - EDGES.top);
    const smooth = Array.from({ length: SMOOTH + 1 }, (_, part) => point(low + ((high - low) * part) / SMOOTH));
    choose(chosen);
    return [
      ...axes(low, high, width, across, up),
      makeDrawn("text", { x: EDGES.left, y: HEIGHT - 6, class: "tick" }, scene.text("step19_axis")),
      makeDrawn("text", { x: EDGES.left, y: 11, class: "tick" }, "gelu(u)"),
      ...columns(units, low, high, across),
      makeDrawn("path", { d: `M${smooth.join("L")}`, class: "curve-line" }),
      makeDrawn("path", { d: units.map((u) => `M${point(u)}h0`).join(""), class: "dots" }),
      mark,
    ];
  });
  element.addEventListener("click", (event) => {
    const { left } = element.getBoundingClientRect();
    const apart = units.map((u) => Math.abs(across(u) - (event.clientX - left)));
    onPick(apart.indexOf(Math.min(...apart)));
  });
  return { element, choose };
}

/** @param {number} u @param {Place} across @param {Place} up */
function marked(u, across, up) {
  const [x, y] = [across(u), up(gelu(u))];
  const isLeft = u > 0; // where the curve leaves room for letters
  const place = { x: isLeft ? x - 12 : x, y: isLeft ? y + 4 : y - 14, "text-anchor": isLeft ? "end" : "middle" };
  return [
    makeDrawn("line", { x1: x, y1: y, x2: x, y2: SPREAD.bottom, class: "plumb" }),
    makeDrawn("circle", { cx: x, cy: y, r: 6.5 }),
    makeDrawn("text", place, `gelu(${number(u)}) = ${number(gelu(u))}`),
  ];
}

/** @param {number} low @param {number} high @param {number} width @param {Place} across @param {Place} up */
function axes(low, high, width, across, up) {
  const step = [1, 2, 5, 10, 20, 50].find((one) => (high - low) / one <= width / 45) ?? 100;
  const first = Math.ceil(low / step) * step;
  const ticks = Array.from({ length: Math.floor((high - first) / step) + 1 }, (_, index) => first + index * step);
  const end = width - EDGES.right;
  return [
    ...ticks.filter((tick) => tick >= 0).flatMap((tick) => [
      makeDrawn("line", { x1: EDGES.left, x2: end, y1: up(tick), y2: up(tick), class: tick ? "grid" : "axis" }),
      tickText(EDGES.left - 8, up(tick) + 4, "end", tick),
    ]),
    makeDrawn("line", { x1: across(0), x2: across(0), y1: EDGES.top, y2: SPREAD.bottom, class: "axis" }),
    makeDrawn("line", { x1: EDGES.left, x2: end, y1: SPREAD.bottom, y2: SPREAD.bottom, class: "axis" }),
    ...ticks.map((tick) => tickText(across(tick), SPREAD.bottom + 18, "middle", tick)),
  ];
}

/** @param {number} x @param {number} y @param {string} anchor @param {number} tick */
function tickText(x, y, anchor, tick) {
  return makeDrawn("text", { x, y, "text-anchor": anchor, class: "tick" }, String(tick).replace("-", "\u2212"));
}

/**
 * Counts the units in columns; zero lies between two.
 * @param {number[]} units
 * @param {number} low
 * @param {number} high
 * @param {Place} across
 */
function columns(units, low, high, across) {
  const size = high - low > FINE ? 1 : 0.5;
  const counts = new Array((high - low) / size).fill(0);
  for (const u of units) counts[Math.min(Math.floor((u - low) / size), counts.length - 1)] += 1;
  const tallest = Math.max(...counts);
  return counts.map((count, column) => {
    const [from, to] = [across(low + column * size), across(low + (column + 1) * size)];
    const height = (count / tallest) * (SPREAD.bottom - SPREAD.top);
    const className = low + column * size >= 0 ? "count active" : "count";
    const box = { x: from + 0.5, width: Math.max(to - from - 1, 0.5), y: SPREAD.bottom - height, height };
    return makeDrawn("rect", { ...box, class: className });
  });
}
