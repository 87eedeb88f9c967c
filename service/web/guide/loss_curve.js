/**
 * The curve of -log p, with the losses of this picture on it.
 */

import { makeDrawn } from "../element.js";
import { drawing } from "./drawing.js";
import { number, percent } from "./number.js";

/**
 * `loss` is in nats; the point that is `own` is the visitor's.
 * @typedef {{loss: number, name: string, kind: "own" | "mean" | "other"}} Point
 * @typedef {{x: number, y: number}} Place
 */

const HEIGHT = 300; // CSS pixels
const EDGES = { left: 44, right: 16, top: 30, bottom: 46 };
const TOPS = { least: 5, most: 10 }; // nats; only a named loss goes beyond
const STEPS = 160; // of the line
const SHARES = [0, 0.25, 0.5, 0.75, 1];
const MOST_TICKS = 6;
const LETTER = 7.2; // CSS pixels, about
const LINE = 18;

/**
 * @param {import("./step.js").Scene} scene
 * @param {{points: Point[], label: string}} options
 * @returns {HTMLElement}
 */
export function lossCurve(scene, { points, label }) {
  const options = { label, className: "loss-curve", height: HEIGHT };
  return drawing(scene, options, (width) => parts(scene, points, width));
}

/**
 * @param {import("./step.js").Scene} scene
 * @param {Point[]} points
 * @param {number} width
 */
function parts({ text }, points, width) {
  const named = points.filter(({ kind }) => kind !== "other");
  const highest = Math.min(Math.max(...points.map(({ loss }) => loss)), TOPS.most);
  const top = Math.max(TOPS.least, Math.ceil(highest * 1.05), ...named.map(({ loss }) => Math.ceil(loss * 1.05)));
  const [across, down] = [width - EDGES.left - EDGES.right, HEIGHT - EDGES.top - EDGES.bottom];
  /** @param {number} share @param {number} loss @returns {Place} */
  const at = (share, loss) => ({
    x: EDGES.left + share * across,
    y: HEIGHT - EDGES.bottom - (loss / top) * down,
  });
  const line = Array.from({ length: STEPS + 1 }, (_, step) => {
    const loss = top * (1 - step / STEPS); // even steps of the loss: the line is steep where p is small
    return at(Math.exp(-loss), loss);
  });
  const rise = Math.ceil(top / MOST_TICKS);
  const ticks = Array.from({ length: Math.floor(top / rise) + 1 }, (_, index) => index * rise);
  const seen = points.filter(({ loss }) => loss <= top);
  return [
    ...ticks.flatMap((tick) => [
      drawLine([at(0, tick), at(1, tick)], "grid"),
      drawText({ x: EDGES.left - 8, y: at(0, tick).y + 4 }, "end", "tick", String(tick)),
    ]),
    ...SHARES.map((share) => {
      const { x, y } = at(share, 0);
      return drawText({ x, y: y + 18 }, "middle", "tick", percent(share, 0));
    }),
    drawText({ x: 0, y: 13 }, "start", "axis", text("step24_axis_loss")),
    drawText({ x: at(0.5, 0).x, y: HEIGHT - 6 }, "middle", "axis", text("step24_axis_share")),
    drawLine(line, "curve"),
    ...seen.map((point) => drawPoint(point, at)),
    ...named.map((point) => drawName(point, named, at, width)),
  ];
}

/**
 * @param {Point} point
 * @param {(share: number, loss: number) => Place} at
 */
function drawPoint({ loss, name, kind }, at) {
  const place = at(Math.exp(-loss), loss);
  const { x, y } = place;
  const title = makeDrawn("title", {}, `${name}: ${number(loss)}`);
  if (kind === "other") return makeDrawn("circle", { cx: x, cy: y, r: 3.5, class: "other" }, title);
  const foot = at(Math.exp(-loss), 0);
  const guide = drawLine([{ x: EDGES.left, y }, place, foot], `guide ${kind}`);
  const mark =
    kind === "own"
      ? makeDrawn("circle", { cx: x, cy: y, r: 7, class: "own" }, title)
      : makeDrawn("path", { d: `M${x} ${y - 7}l7 7l-7 7l-7 -7z`, class: "mean" }, title);
  return makeDrawn("g", {}, guide, mark);
}

/**
 * Writes a point's name above the curve, which falls to the right; two close names stand apart.
 * @param {Point} point
 * @param {Point[]} named
 * @param {(share: number, loss: number) => Place} at
 * @param {number} width
 */
function drawName({ loss, name, kind }, named, at, width) {
  const { x, y } = at(Math.exp(-loss), loss);
  const said = `${name} ${number(loss)}`;
  const isFitting = x + 12 + said.length * LETTER < width;
  const mean = kind === "own" ? named.find((other) => other.kind === "mean") : undefined;
  const other = mean ? at(0, mean.loss).y : Infinity;
  const base = Math.abs(other - y) < 2 * LINE ? Math.min(y, other - LINE) : y;
  const place = { x: isFitting ? x + 12 : width, y: base - 10 };
  return drawText(place, isFitting ? "start" : "end", `name ${kind}`, said);
}

/**
 * @param {Place[]} places
 * @param {string} className
 */
function drawLine(places, className) {
  const points = places.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
  return makeDrawn("polyline", { points, class: className });
}

/**
 * @param {Place} place
 * @param {"start" | "middle" | "end"} anchor
 * @param {string} className
 * @param {string} said
 */
function drawText({ x, y }, anchor, className, said) {
  return makeDrawn("text", { x, y, "text-anchor": anchor, class: className }, said);
}
