/**
 * The cosine similarity of vectors: 1 where they point the same way, 0 where they are unrelated.
 */

import { dot } from "./dot.js";
import { Tensor } from "./tensor.js";

/** @type {WeakMap<Tensor, Tensor>} */
const KNOWN = new WeakMap();

/**
 * Gives the similarity of one row of a matrix with each of its rows, itself among them.
 * @param {Tensor} matrix
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

/**
 * Gives the similarity of each row with each, computed once for a matrix.
 * @param {Tensor} matrix
 * @returns {Tensor} [rows, rows]
 */
export function allSimilarities(matrix) {
  const known = KNOWN.get(matrix);
  if (known) return known;
  const [count] = matrix.shape;
  const data = new Float32Array(count * count);
  const lengths = Array.from({ length: count }, (_, row) => Math.sqrt(dot(matrix.row(row), matrix.row(row))) || Infinity);
  for (let row = 0; row < count; row += 1) {
    for (let other = 0; other <= row; other += 1) {
      const cosine = dot(matrix.row(row), matrix.row(other)) / (lengths[row] * lengths[other]);
      data[row * count + other] = data[other * count + row] = cosine;
    }
  }
  const found = new Tensor([count, count], data);
  KNOWN.set(matrix, found);
  return found;
}
