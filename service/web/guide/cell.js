/**
 * The cell of a step's matrix that is looked at.
 */

/** @typedef {import("./step.js").Scene} Scene */
/** @typedef {import("./tensor.js").Tensor} Tensor */

/**
 * Gives the focused cell of a matrix, or a fallback where none or none of this matrix is focused.
 * @param {import("./view.js").View} view
 * @param {number[]} shape of the matrix
 * @param {[number, number]} fallback
 * @returns {[number, number]}
 */
export function cellOf({ cell }, [rows, columns], fallback) {
  return cell && cell[0] < rows && cell[1] < columns ? cell : fallback;
}

/**
 * Gives the row of the pinned patch's token.
 * @param {Scene} scene
 * @returns {number}
 */
export function pinnedToken({ facts, view }) {
  return facts.architecture.tokenOf(view.patch);
}

/**
 * Gives the place of the value farthest from zero.
 * @param {ArrayLike<number>} values
 * @returns {number}
 */
export function strongest(values) {
  let best = 0;
  for (let at = 1; at < values.length; at++) {
    if (Math.abs(values[at]) > Math.abs(values[best])) best = at;
  }
  return best;
}
