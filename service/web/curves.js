/**
 * The chart of faithfulness: what a class's probability does as patches are taken away.
 */

import { makeDrawn } from "./element.js";
import { percent, text } from "./strings.js";

/**
 * @typedef {"most" | "least" | "random"} Order
 * @typedef {{order: Order, points: number[]}} Curve
 * @typedef {{removed: number[], curves: Curve[], label: string}} Chart
 * @typedef {{x: number, y: number}} Place
 */

const HEIGHT = 250; // CSS pixels
const EDGES = { left: 46, right: 14, top: 30, bottom: 44 };
const TOPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5]; // where the axis may end, below 1
const SHARES = [0, 0.25, 0.5, 0.75, 1];
const FEW_SHARES = [0, 0.5, 1];
const NARROW = 360; // CSS pixels, below which all shares would touch
const LABEL_WIDTH = 100; // CSS pixels, about
const LABEL_ABOVE = -9;
const LABEL_BELOW = 17;

/** Keeps the curves drawn as wide as there is room, so that their letters stay readable. */
export class CurveChart {
  #svg;
  /** @type {Chart | null} */
  #chart = null;

  /** @param {SVGSVGElement} svg inside an element that gives it its width */
  constructor(svg) {
    this.#svg = svg;
    new ResizeObserver(() => this.#draw()).observe(/** @type {Element} */ (svg.parentElement));
  }

  /** @param {Chart} chart */
  show(chart) {
    this.#chart = chart;
    this.#draw();
  }

  #draw() {
    const width = this.#svg.parentElement?.clientWidth ?? 0;
    if (!this.#chart || width === 0) return;
    const { removed, curves, label } = this.#chart;
    const highest = Math.max(...curves.flatMap(({ points }) => points));
    const top = TOPS.find((one) => one >= highest) ?? 1;
    /** @param {number} share @param {number} probability @returns {Place} */
    const at = (share, probability) => ({
      x: EDGES.left + share * (width - EDGES.left - EDGES.right),
      y: HEIGHT - EDGES.bottom - (probability / top) * (HEIGHT - EDGES.top - EDGES.bottom),
    });
    const lines = curves.map(({ points }) => points.map((point, index) => at(removed[index], point)));
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.#svg.setAttribute("height", String(HEIGHT));
    this.#svg.replaceChildren(
      ...[0, top / 2, top].flatMap((tick) => drawTick(at(0, tick), at(1, tick), percent(tick, 0))),
      ...(width < NARROW ? FEW_SHARES : SHARES).map((share) => drawShare(at(share, 0), share)),
      drawText({ x: 0, y: 14 }, "start", "axis", label),
      drawText({ x: at(0.5, 0).x, y: HEIGHT - 4 }, "middle", "axis", text("curve_axis")),
      ...lines.map((line, index) => drawLine(line, curves[index].order)),
      ...lines.map((line, index) => drawLabel(line, lines, curves[index].order, width)),
    );
  }
}

/**
 * @param {Place} start
 * @param {Place} end
 * @param {string} said
 */
function drawTick(start, end, said) {
  const line = { x1: start.x, y1: start.y, x2: end.x, y2: end.y, class: "grid" };
  return [
    makeDrawn("line", line),
    drawText({ x: start.x - 6, y: start.y + 4 }, "end", "tick", said),
  ];
}

/**
 * @param {Place} place
 * @param {number} share
 */
function drawShare({ x, y }, share) {
  return drawText({ x, y: y + 18 }, share === 1 ? "end" : "middle", "tick", percent(share, 0));
}

/**
 * @param {Place[]} line
 * @param {Order} order
 */
function drawLine(line, order) {
  const points = line.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
  return makeDrawn("polyline", { points, class: `curve ${order}` });
}

/**
 * Names a curve where it is farthest from the others, on the side that is free.
 * @param {Place[]} line
 * @param {Place[][]} lines
 * @param {Order} order
 * @param {number} width
 */
function drawLabel(line, lines, order, width) {
  const others = lines.filter((one) => one !== line);
  /** @param {number} index */
  const gap = (index) => Math.min(...others.map((one) => Math.abs(one[index].y - line[index].y)));
  const index = line.reduce((best, _, next) => (gap(next) > gap(best) ? next : best), 0);
  const isTop = others.every((one) => one[index].y >= line[index].y);
  const { x, y } = line[index];
  const half = LABEL_WIDTH / 2;
  const middle = Math.min(Math.max(x, EDGES.left + half), width - EDGES.right - half);
  const isAbove = isTop || y + LABEL_BELOW > HEIGHT - EDGES.bottom; // where the axis is in the way
  const place = { x: middle, y: y + (isAbove ? LABEL_ABOVE : LABEL_BELOW) };
  return drawText(place, "middle", `name ${order}`, text(`curve_${order}`));
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
