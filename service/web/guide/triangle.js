/**
 * A sum of two vectors as a triangle: its three lengths and its angle are the true ones, since two
 * vectors of any width lie in one plane.
 */

import { make, makeDrawn } from "../element.js";
import { cosineOf, lengthOf } from "./lengths.js";
import { number } from "./number.js";

/** @typedef {import("./lengths.js").Values} Values */
/** @typedef {{x: number, y: number}} Place */
/** @typedef {{name: string, values: Values}} Named */

const WIDTH = 360;
const HEIGHT = 220;
const SIDE = 72; // for the letters beside it
const EDGE = 32; // and above and below
const RADIUS = 18; // of the angle
const HEAD = 9; // length of an arrow's head
const APART = 15; // of a letter from its arrow

/**
 * Draws `input` + `branch` = `output` in the plane of the two.
 * @param {import("./step.js").Scene} scene
 * @param {{input: Named, branch: Named, output: Named}} sum
 * @returns {HTMLElement}
 */
export function triangle(scene, { input, branch, output }) {
  const cosine = Math.min(Math.max(cosineOf(input.values, branch.values), -1), 1);
  const [base, side, whole] = [input, branch, output].map(({ values }) => lengthOf(values));
  const tip = { x: base + side * cosine, y: side * Math.sqrt(1 - cosine * cosine) };
  const [start, corner, end] = fitted([{ x: 0, y: 0 }, { x: base, y: 0 }, tip]);
  const middle = { x: (start.x + corner.x + end.x) / 3, y: (start.y + corner.y + end.y) / 3 };
  const degrees = Math.round((Math.acos(cosine) * 180) / Math.PI);
  const label = scene.text("block_triangle_label", {
    input: input.name, branch: branch.name, output: output.name,
    base: number(base), side: number(side), whole: number(whole),
    angle: degrees,
  });
  const look = scene.isNew ? "triangle drawn-in" : "triangle";
  const drawing = makeDrawn(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label, class: look },
    ...angle(corner, Math.acos(cosine), `${degrees}\u00b0`),
    ...arrow(start, corner, "stream"),
    ...arrow(corner, end, "branch"),
    ...arrow(start, end, "outcome"),
    letters(start, corner, middle, "stream", `${input.name} ${number(base)}`),
    letters(corner, end, middle, "branch", `${branch.name} ${number(side)}`),
    letters(start, end, middle, "outcome", `${output.name} ${number(whole)}`),
  );
  return make("div", "triangle-figure", drawing, make("p", "muted", label));
}

/**
 * Lays places out in the drawing, y upwards, as large as they fit.
 * @param {Place[]} places
 * @returns {Place[]}
 */
function fitted(places) {
  const [left, right] = [Math.min(...places.map(({ x }) => x)), Math.max(...places.map(({ x }) => x))];
  const top = Math.max(...places.map(({ y }) => y));
  const factor = Math.min(
    (WIDTH - 2 * SIDE) / (right - left || 1),
    (HEIGHT - 2 * EDGE) / (top || 1),
  );
  const shift = (WIDTH - factor * (right - left)) / 2;
  const rise = (HEIGHT + factor * top) / 2;
  return places.map(({ x, y }) => ({ x: shift + factor * (x - left), y: rise - factor * y }));
}

/**
 * Draws the angle by which the branch turns away from the way that the input goes.
 * @param {Place} corner
 * @param {number} turn in radians
 * @param {string} said
 */
function angle({ x, y }, turn, said) {
  const place = { x: x + 1.5 * RADIUS * Math.cos(turn / 2), y: y - 1.5 * RADIUS * Math.sin(turn / 2) + 4 };
  const end = `${x + RADIUS * Math.cos(turn)} ${y - RADIUS * Math.sin(turn)}`;
  return [
    makeDrawn("path", { d: `M${x} ${y}h${2 * RADIUS}`, class: "onward" }),
    makeDrawn("path", { d: `M${x + RADIUS} ${y}A${RADIUS} ${RADIUS} 0 0 0 ${end}`, class: "turn" }),
    makeDrawn("text", { ...place, class: "small" }, said),
  ];
}

/**
 * @param {Place} from
 * @param {Place} to
 * @param {string} className
 */
function arrow(from, to, className) {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const [x, y] = [(to.x - from.x) / length, (to.y - from.y) / length];
  const head = Math.min(HEAD, length);
  const neck = { x: to.x - head * x, y: to.y - head * y };
  const half = head * 0.45;
  const points = [to, { x: neck.x - half * y, y: neck.y + half * x }, { x: neck.x + half * y, y: neck.y - half * x }];
  return [
    makeDrawn("line", { x1: from.x, y1: from.y, x2: neck.x, y2: neck.y, class: `arrow ${className}`, pathLength: 1 }),
    makeDrawn("polygon", { points: points.map((one) => `${one.x},${one.y}`).join(" "), class: `head ${className}` }),
  ];
}

/**
 * Names an arrow on the side that is away from the triangle's middle.
 * @param {Place} from
 * @param {Place} to
 * @param {Place} middle
 * @param {string} className
 * @param {string} said
 */
function letters(from, to, middle, className, said) {
  const [x, y] = [(from.x + to.x) / 2, (from.y + to.y) / 2];
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  let [across, down] = [-(to.y - from.y) / length, (to.x - from.x) / length];
  if (across * (x - middle.x) + down * (y - middle.y) < 0) [across, down] = [-across, -down];
  const anchor = Math.abs(across) < 0.3 ? "middle" : across < 0 ? "end" : "start";
  const place = { x: x + across * APART, y: y + down * APART + 5, "text-anchor": anchor };
  return makeDrawn("text", { ...place, class: className }, said);
}
