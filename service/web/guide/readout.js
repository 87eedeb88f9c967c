/**
 * How the readout comes about: of which tokens, and normalised before or after their mean is taken.
 */

import { momentsOf } from "./dot.js";

/**
 * @typedef {import("./architecture.js").Architecture} Architecture
 * @typedef {import("./architecture.js").Part} Part
 * @typedef {import("./tensor.js").Tensor} Tensor
 */

/**
 * Names the final norm as the trace does.
 * @param {Architecture} architecture
 */
export function nameOfNorm({ normAfterPooling }) {
  return normAfterPooling ? "fc_norm" : "norm";
}

/**
 * Gives the part of the readout that a feature of it belongs to, and its column among the tokens'.
 * @param {Architecture} architecture
 * @param {number} feature of the readout
 * @returns {{part: Part, column: number}}
 */
export function partOf({ parts, width }, feature) {
  return { part: parts[Math.floor(feature / width)], column: feature % width };
}

/**
 * Gives one feature of a part: the token's own, or the mean of the tokens'.
 * @param {Part} part
 * @param {(row: number) => number} valueOf a token's feature
 */
export function pooledOf({ from, to }, valueOf) {
  let sum = 0;
  for (let row = from; row < to; row += 1) sum += valueOf(row);
  return sum / (to - from);
}

/**
 * Computes the parts of the readout, were the tokens read out after some layer.
 * @param {Architecture} architecture
 * @param {Tensor} output of the layer
 * @param {ArrayLike<number>} gamma of the final norm
 * @param {ArrayLike<number>} beta
 * @returns {Float64Array[]} [d] for each part
 */
export function readoutOf(architecture, output, gamma, beta) {
  const { parts, width, normAfterPooling, normEpsilon } = architecture;
  const normed = (/** @type {ArrayLike<number>} */ row) => normOf(row, gamma, beta, normEpsilon);
  return parts.map((part) => {
    const rows = Array.from({ length: part.to - part.from }, (_, index) => {
      const row = output.row(part.from + index);
      return normAfterPooling ? row : normed(row);
    });
    const pooled = Float64Array.from({ length: width }, (_, column) =>
      pooledOf({ ...part, from: 0, to: rows.length }, (row) => rows[row][column]));
    return normAfterPooling ? normed(pooled) : pooled;
  });
}

/**
 * @param {ArrayLike<number>} row
 * @param {ArrayLike<number>} gamma
 * @param {ArrayLike<number>} beta
 * @param {number} epsilon
 */
function normOf(row, gamma, beta, epsilon) {
  const { mean, variance } = momentsOf(row);
  const spread = Math.sqrt(variance + epsilon);
  return Float64Array.from(row, (value, at) => ((value - mean) / spread) * gamma[at] + beta[at]);
}
