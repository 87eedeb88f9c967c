/**
 * The picture as the model sees it, on canvases of its own pixels.
 */

import { drawnPixels } from "./facts.js";

/** @typedef {import("./tensor.js").Tensor} Tensor */

/** @type {WeakMap<Tensor, HTMLCanvasElement>} */
const PAINTED = new WeakMap();

/**
 * Gives a new canvas with the whole picture.
 * @param {Tensor} pixels [rows, columns, 3], from 0 to 255
 * @returns {HTMLCanvasElement}
 */
export function pictureCanvas(pixels) {
  const source = painted(pixels);
  return cut(source, 0, 0, source.width, source.height);
}

/**
 * Gives a new canvas with one patch.
 * @param {import("./facts.js").Facts} facts
 * @param {number} patch
 * @returns {HTMLCanvasElement}
 */
export function patchCanvas({ pixels, architecture }, patch) {
  const { row, column } = architecture.placeOf(patch);
  const side = architecture.patchSize;
  return cut(painted(pixels), column * side, row * side, side, side);
}

/**
 * @param {HTMLCanvasElement} source
 * @param {number} left
 * @param {number} top
 * @param {number} width
 * @param {number} height
 */
function cut(source, left, top, width, height) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  canvas.className = "pixels";
  canvas.setAttribute("aria-hidden", "true");
  canvas.getContext("2d")?.drawImage(source, left, top, width, height, 0, 0, width, height);
  return canvas;
}

/** @param {Tensor} pixels */
function painted(pixels) {
  const kept = PAINTED.get(pixels);
  if (kept) return kept;
  const canvas = drawnPixels(pixels);
  PAINTED.set(pixels, canvas);
  return canvas;
}
