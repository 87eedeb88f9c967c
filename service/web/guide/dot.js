/**
 * Sums in double precision, which the checks of the page are made of.
 */

/**
 * Gives the dot product of two rows.
 * @param {ArrayLike<number>} left
 * @param {ArrayLike<number>} right
 * @returns {number}
 */
export function dot(left, right) {
  let sum = 0;
  for (let at = 0; at < left.length; at++) sum += left[at] * right[at];
  return sum;
}

/**
 * Gives the mean of values and their variance around it.
 * @param {ArrayLike<number>} values
 * @returns {{mean: number, variance: number}}
 */
export function momentsOf(values) {
  let sum = 0;
  for (let at = 0; at < values.length; at++) sum += values[at];
  const mean = sum / values.length;
  let squares = 0;
  for (let at = 0; at < values.length; at++) squares += (values[at] - mean) ** 2;
  return { mean, variance: squares / values.length };
}

/**
 * Gives a column of a matrix.
 * @param {import("./tensor.js").Tensor} matrix
 * @param {number} column
 * @returns {Float64Array}
 */
export function columnOf({ data, shape: [rows, columns] }, column) {
  return Float64Array.from({ length: rows }, (_, row) => data[row * columns + column]);
}
