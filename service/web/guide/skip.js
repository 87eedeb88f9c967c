/**
 * The two ways through a residual connection: through the branch, and straight past it.
 */

import { makeDrawn } from "../element.js";

const WIDTH = 360;
const HEIGHT = 104;
const LINE = 76; // where the branch runs
const ARC = 24; // where the input passes it
const FORK = 44;
const PLUS = 292;
const BOX_TOP = LINE - 17;
const BOX_HEIGHT = 34;

/**
 * Draws input -> norm -> branch -> + -> output with the input's own way above.
 * @param {import("./step.js").Scene} scene
 * @param {{input: string, output: string, norm: string, branch: string, label: string}} names
 * @returns {SVGSVGElement}
 */
export function skip(scene, { input, output, norm, branch, label }) {
  const up = `M${FORK} ${LINE}V${ARC + 10}Q${FORK} ${ARC} ${FORK + 10} ${ARC}`;
  const past = `${up}H${PLUS - 10}Q${PLUS} ${ARC} ${PLUS} ${ARC + 10}V${LINE - 20}`;
  const through = `M28 ${LINE}H62M122 ${LINE}H136M250 ${LINE}H270M304 ${LINE}H326`;
  const look = scene.isNew ? "skip-drawing drawn-in" : "skip-drawing";
  return makeDrawn(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label, class: look },
    makeDrawn("path", { d: past, class: "arrow stream", pathLength: 1 }),
    head(PLUS, LINE - 12, "stream", true),
    makeDrawn("path", { d: through, class: "arrow branch", pathLength: 1 }),
    makeDrawn("path", { d: `M28 ${LINE}H${FORK}`, class: "arrow stream", pathLength: 1 }),
    makeDrawn("circle", { cx: FORK, cy: LINE, r: 3.5, class: "head stream" }),
    head(280, LINE, "branch", false),
    ...box(62, 60, norm, "plain"),
    ...box(136, 114, branch, "branch"),
    makeDrawn("circle", { cx: PLUS, cy: LINE, r: 12, class: "joint" }),
    makeDrawn("path", { d: `M${PLUS - 6} ${LINE}h12M${PLUS} ${LINE - 6}v12`, class: "arrow outcome", pathLength: 1 }),
    letters(14, LINE, input, "stream"),
    letters(342, LINE, output, "outcome"),
    letters((FORK + PLUS) / 2, ARC - 13, scene.text("block_past"), "stream small"),
  );
}

/**
 * @param {number} x
 * @param {number} y
 * @param {string} className
 * @param {boolean} isDown
 */
function head(x, y, className, isDown) {
  const points = isDown
    ? `${x},${y} ${x - 4},${y - 9} ${x + 4},${y - 9}`
    : `${x},${y} ${x - 9},${y - 4} ${x - 9},${y + 4}`;
  return makeDrawn("polygon", { points, class: `head ${className}` });
}

/**
 * @param {number} x
 * @param {number} width
 * @param {string} said
 * @param {string} className
 */
function box(x, width, said, className) {
  return [
    makeDrawn("rect", { x, y: BOX_TOP, width, height: BOX_HEIGHT, rx: 8, class: `box ${className}` }),
    letters(x + width / 2, LINE, said, className),
  ];
}

/**
 * @param {number} x
 * @param {number} y
 * @param {string} said
 * @param {string} className
 */
function letters(x, y, said, className) {
  return makeDrawn("text", { x, y: y + 5, "text-anchor": "middle", class: className }, said);
}
