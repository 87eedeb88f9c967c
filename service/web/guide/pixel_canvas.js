/**
 * A small canvas of coloured cells, which the styles enlarge without blurring.
 */

import { make } from "../element.js";
import { inkOf } from "./ink.js";

/**
 * Draws a cell for each row and column.
 * @param {number} rows
 * @param {number} columns
 * @param {(row: number, column: number) => ArrayLike<number> | null} ink red, green and blue from 0
 *   to 255; null leaves the cell clear
 * @returns {HTMLCanvasElement}
 */
export function pixelCanvas(rows, columns, ink) {
  const canvas = make("canvas", "pixels");
  [canvas.width, canvas.height] = [columns, rows];
  canvas.setAttribute("aria-hidden", "true");
  const image = new ImageData(columns, rows);
  for (let at = 0; at < rows * columns; at += 1) {
    const color = ink(Math.floor(at / columns), at % columns);
    if (!color) continue;
    image.data.set(color, at * 4);
    image.data[at * 4 + 3] = 255;
  }
  canvas.getContext("2d")?.putImageData(image, 0, 0);
  return canvas;
}

/**
 * Gives the paint of signed numbers, as deep as their share of the most.
 * @param {number} most
 * @returns {(value: number) => ArrayLike<number>}
 */
export function signedInk(most) {
  const { colors, level } = inkOf(true, [-most, most]);
  return (value) => {
    const at = level(value) * 3;
    return colors.subarray(at, at + 3);
  };
}

/**
 * Gives the largest distance from zero.
 * @param {ArrayLike<number>} values
 * @returns {number}
 */
export function mostOf(values) {
  let most = 0;
  for (let at = 0; at < values.length; at += 1) most = Math.max(most, Math.abs(values[at]));
  return most;
}
