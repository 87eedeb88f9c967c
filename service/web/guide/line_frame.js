/**
 * A frame around a whole row or column of a matrix.
 */

import { make } from "../element.js";

/**
 * Frames a line of a matrix that is drawn.
 * @param {HTMLElement} figure the matrix
 * @param {"row" | "column"} axis
 * @param {number} at
 * @param {number} count of rows or columns
 * @returns {HTMLElement} the same figure
 */
export function framedLine(figure, axis, at, count) {
  const frame = make("i", "framed-line");
  const [start, size] = [`${(at * 100) / count}%`, `${100 / count}%`];
  const place =
    axis === "row"
      ? { top: start, height: size, left: "0", width: "100%" }
      : { left: start, width: size, top: "0", height: "100%" };
  Object.assign(frame.style, place);
  figure.querySelector(".cells")?.append(frame);
  return figure;
}
