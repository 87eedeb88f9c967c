/**
 * Filters as pictures: grey where a weight is 0, lighter above and darker below, in each channel.
 */

import { CHANNELS } from "./flat_patch.js";
import { mostOf } from "./pixel_canvas.js";

const GREY = 127.5;

/**
 * Gives the colour of a filter at each of its pixels, brightest where its largest weight is.
 * @param {ArrayLike<number>} filter
 * @param {number} size side of the patch, in pixels
 * @returns {(row: number, column: number) => number[]}
 */
export function filterInk(filter, size) {
  const scale = GREY / (mostOf(filter) || 1);
  return (row, column) =>
    CHANNELS.map((_, channel) => GREY + scale * filter[(channel * size + row) * size + column]);
}
