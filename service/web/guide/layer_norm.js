/**
 * What a layer norm does to one token: its values as they come, brought to mean 0 and spread 1,
 * and stretched and shifted as the model learned it.
 */

import { make, makeDrawn } from "../element.js";
import { momentsOf } from "./dot.js";
import { number } from "./number.js";

/** @typedef {import("./step.js").Scene} Scene */
/**
 * The rows are of one token and as long as it is wide.
 * @typedef {object} Norm
 * @property {ArrayLike<number>} before
 * @property {ArrayLike<number>} after
 * @property {ArrayLike<number>} gamma
 * @property {ArrayLike<number>} beta
 * @property {number} feature whose value is followed through
 * @property {string} [what] names the text that says what comes, where it is no token
 */

const WIDTH = 1000; // units of a strip's drawing, which is as wide as there is room
const HEIGHT = 30;
const NOTHING = 1e-9; // what double precision leaves of zero

/**
 * Draws the three strips and the followed feature's formula.
 * @param {Scene} scene
 * @param {Norm} norm
 * @returns {HTMLElement}
 */
export function layerNorm(scene, { before, after, gamma, beta, feature, what = "norm_before" }) {
  const epsilon = scene.facts.architecture.normEpsilon;
  const { mean, variance } = momentsOf(before);
  const spread = Math.sqrt(variance + epsilon);
  const scaled = Float64Array.from(before, (value) => (value - mean) / spread);
  const rows = { [what]: before, norm_scaled: scaled, norm_after: after };
  const reach = Math.max(...Object.values(rows).map(reachOf));
  const values = {
    x: number(before[feature]), mean: number(mean), spread: number(spread), feature,
    gamma: number(gamma[feature]), sign: beta[feature] < 0 ? "−" : "+", beta: number(Math.abs(beta[feature])),
    y: number(after[feature]),
  };
  return make(
    "div",
    "layer-norm",
    ...Object.entries(rows).map(([name, row]) => strip(scene, name, row, reach, feature)),
    make("div", "ends", ...[-reach, 0, reach].map((end) => make("span", "", number(end)))),
    make("p", "formula", scene.text("norm_formula", values)),
  );
}

/**
 * Recomputes one feature of a normalised token.
 * @param {Norm} norm
 * @param {number} epsilon
 * @returns {import("./step.js").Check}
 */
export function normCheck({ before, after, gamma, beta, feature }, epsilon) {
  const { mean, variance } = momentsOf(before);
  const scaled = (before[feature] - mean) / Math.sqrt(variance + epsilon);
  return {
    formula: "(x − μ) / √(σ² + ε) · γ + β",
    recomputed: scaled * gamma[feature] + beta[feature],
    sent: after[feature],
  };
}

/** @param {ArrayLike<number>} row */
function reachOf(row) {
  let reach = 0;
  for (let at = 0; at < row.length; at++) reach = Math.max(reach, Math.abs(row[at]));
  return reach;
}

/**
 * @param {Scene} scene
 * @param {string} name
 * @param {ArrayLike<number>} row
 * @param {number} reach where the axis ends on both sides
 * @param {number} feature
 */
function strip(scene, name, row, reach, feature) {
  const { mean, variance } = momentsOf(row);
  const spread = Math.sqrt(variance);
  /** @param {number} value */
  const place = (value) => (((value / reach + 1) / 2) * WIDTH).toFixed(1);
  const ticks = Array.from(row, (value) => `M${place(value)} 6v18`).join("");
  const band = {
    x: place(mean - spread), y: 2, height: HEIGHT - 4, class: "spread",
    width: ((spread / reach) * WIDTH).toFixed(1),
  };
  const said = { mean: number(Math.abs(mean) < NOTHING ? 0 : mean), spread: number(spread) };
  const svg = makeDrawn(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    makeDrawn("rect", band),
    makeDrawn("path", { d: ticks, class: "ticks" }),
    makeDrawn("path", { d: `M${place(mean)} 0v${HEIGHT}`, class: "mean" }),
    makeDrawn("path", { d: `M${place(row[feature])} 0v${HEIGHT}`, class: "mine" }),
  );
  return make(
    "figure",
    "strip",
    make(
      "figcaption",
      "",
      make("b", "", scene.text(name)),
      make("span", "muted", scene.text("norm_moments", said)),
    ),
    svg,
  );
}
