/**
 * The cosine similarity of vectors: 1 where they point the same way, 0 where they are unrelated.
 */

import { dot } from "./dot.js";

/**
 * Gives the similarity of one row of a matrix with each of its rows, itself among them.
 * @param {import("./tensor.js").Tensor} matrix
 * @param {number} row
 * @returns {Float32Array}
 */
export function similarities(matrix, row) {
  const one = matrix.row(row);
  const square = dot(one, one);
  return Float32Array.from({ length: matrix.shape[0] }, (_, index) => {
    const other = matrix.row(index);
    const lengths = Math.sqrt(square * dot(other, other));
    return lengths > 0 ? dot(one, other) / lengths : 0;
  });
}
