/**
 * Lengths of vectors, angles between them, and what is usual among numbers; in 64 bits.
 */

import { dot } from "./dot.js";

/** @typedef {ArrayLike<number>} Values */

/**
 * Gives the Euclidean length: the norm.
 * @param {Values} values
 * @returns {number}
 */
export function lengthOf(values) {
  return Math.sqrt(dot(values, values));
}

/**
 * Gives the cosine of the angle between two vectors: 1 where they point the same way.
 * @param {Values} left
 * @param {Values} right
 * @returns {number}
 */
export function cosineOf(left, right) {
  const lengths = lengthOf(left) * lengthOf(right);
  return lengths > 0 ? Math.min(Math.max(dot(left, right) / lengths, -1), 1) : 0;
}

/**
 * Gives the middle value.
 * @param {Values} values
 * @returns {number}
 */
export function medianOf(values) {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
