/**
 * One number of the attention's output: the heads' results of a token, joined, times a row of Wo.
 */

import { cellOf, pinnedToken } from "./cell.js";
import { dot } from "./dot.js";

/** @typedef {import("./step.js").Scene} Scene */
/** @typedef {import("./step.js").Needs} Needs */

/**
 * Gives the focused cell of z.
 * @param {import("./view.js").View} view
 * @param {import("./facts.js").Facts} facts
 * @returns {[number, number]}
 */
export function projectedCell(view, { architecture: { tokens, width, prefix } }) {
  return cellOf(view, [tokens, width], [prefix + view.patch, 0]);
}

/**
 * Gives what the number is made of.
 * @param {import("./view.js").View} view
 * @param {import("./facts.js").Facts} facts
 * @returns {Needs}
 */
export function projectionNeeds(view, facts) {
  return {
    layer: ["merged", "projection", "proj_bias"],
    units: { proj_weight: [projectedCell(view, facts)[1]] },
  };
}

/**
 * Gives what each head adds to the focused number, and the bias.
 * @param {Scene} scene
 * @returns {{token: number, feature: number, heads: number[], bias: number, sent: number}}
 */
export function projectionParts({ view, facts, tensors }) {
  const [token, feature] = projectedCell(view, facts);
  const { heads, headWidth } = facts.architecture;
  const [merged, weight] = [tensors.merged.row(token), tensors.proj_weight.row(0)];
  const parts = Array.from({ length: heads }, (_, head) => {
    const [from, to] = [head * headWidth, (head + 1) * headWidth];
    return dot(merged.subarray(from, to), weight.subarray(from, to));
  });
  const [bias, sent] = [tensors.proj_bias.data[feature], tensors.projection.at(token, feature)];
  return { token, feature, heads: parts, bias, sent };
}

/**
 * Recomputes the focused number.
 * @param {Scene} scene
 * @returns {import("./step.js").Check}
 */
export function projectionCheck(scene) {
  const { token, feature, heads, bias, sent } = projectionParts(scene);
  return {
    formula: `z[${token}, ${feature}] = concat[${token}] · Wo[${feature}] + bo[${feature}]`,
    recomputed: heads.reduce((sum, part) => sum + part, bias),
    sent,
  };
}
