/**
 * One vector as a strip of cells.
 */

import { matrix } from "./matrix.js";
import { Tensor } from "./tensor.js";

const HEIGHT = 30; // CSS pixels

/**
 * @typedef {object} VectorOptions
 * @property {ArrayLike<number>} values
 * @property {string} label
 * @property {(index: number) => string} name
 * @property {boolean} [signed]
 * @property {[number, number]} [range]
 * @property {import("./ink.js").Hue} [hue]
 * @property {number | null} [focus]
 * @property {(index: number) => void} [onPick]
 * @property {(index: number) => void} [onPoint]
 * @property {number} [bands] of equal width, coloured differently: heads
 * @property {string} [caption]
 * @property {string} [rowName] what the vector is, for the read-out
 * @property {number} [height] CSS pixels
 * @property {boolean} [plain]
 */

/**
 * Draws a vector.
 * @param {import("./step.js").Scene} scene
 * @param {VectorOptions} options
 * @returns {HTMLElement}
 */
export function vector(scene, options) {
  const { values, focus, onPick, onPoint, name, label, height = HEIGHT, rowName = label } = options;
  const tensor = new Tensor([1, values.length], Float32Array.from(values));
  const figure = matrix(scene, {
    ...options,
    tensor,
    rowName: () => rowName,
    columnName: name,
    focus: focus === null || focus === undefined ? null : [0, focus],
    onPick: onPick && ((_, index) => onPick(index)),
    onPoint: onPoint && ((_, index) => onPoint(index)),
    rows: null,
    columns: null,
    square: false,
    maxHeight: height,
    tall: height,
  });
  figure.classList.add("vector");
  return figure;
}
