/**
 * A patch as a vector: which of its numbers is which channel of which pixel.
 */

/**
 * `row` and `column` count within the patch, from its top left.
 * @typedef {{channel: number, row: number, column: number}} Place
 */

export const CHANNELS = /** @type {const} */ (["red", "green", "blue"]);

/**
 * Says where a number of the vector comes from: channel after channel, each row by row.
 * @param {number} index
 * @param {number} size side of the patch, in pixels
 * @returns {Place}
 */
export function placeOf(index, size) {
  const area = size * size;
  const within = index % area;
  return { channel: Math.floor(index / area), row: Math.floor(within / size), column: within % size };
}

/**
 * Gives a number of a patch before normalisation, from 0 to 255.
 * @param {import("./facts.js").Facts} facts
 * @param {number} patch
 * @param {Place} place
 * @returns {number}
 */
export function levelOf({ pixels, architecture }, patch, { channel, row, column }) {
  const corner = architecture.placeOf(patch);
  const size = architecture.patchSize;
  return pixels.at(corner.row * size + row, corner.column * size + column, channel);
}

/**
 * Gives what the contract does with the levels of a channel: (level x rescale - mean) / std.
 * @param {import("./facts.js").Facts} facts
 * @param {number} channel
 * @returns {{rescale: number, mean: number, std: number}}
 */
export function normalizationOf({ contract }, channel) {
  const { rescale, mean, std } = contract.preprocessing;
  return { rescale, mean: mean[channel], std: std[channel] };
}
