/**
<<<<<<< HEAD
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
 * @param {import("./step.js").Facts} facts
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
=======
 * The pixels that the model sees, each to be pointed at.
 */

import { make } from "../element.js";
import { drawnPixels } from "./facts.js";
import { moveAbout } from "./grid.js";
import { drawRaster } from "./raster.js";

const LONGEST = 360; // CSS pixels

/**
 * Draws the pixels.
 * @param {import("./step.js").Scene} scene
 * @param {{label: string, focus: [number, number], onPoint: (row: number, column: number) => void,
 *   onPick: (row: number, column: number) => void}} options
 * @returns {HTMLElement}
 */
export function pixelGrid(scene, { label, focus, onPoint, onPick }) {
  const { pixels } = scene.facts;
  const [rows, columns] = pixels.shape;
  const canvas = make("canvas", "");
  const framed = make("i", "framed");
  const cells = make("div", "cells", canvas, framed);
  const plane = make("div", "plane patches", cells);
  const figure = make("figure", "patch-grid", plane);
  plane.tabIndex = 0;
  plane.dataset.focus = label;
  plane.setAttribute("role", "application");
  plane.setAttribute("aria-label", label);
  /** @param {number} row @param {number} column */
  const frame = (row, column) => {
    framed.style.top = `${(row * 100) / rows}%`;
    framed.style.left = `${(column * 100) / columns}%`;
    framed.style.height = `${100 / rows}%`;
    framed.style.width = `${100 / columns}%`;
    onPoint(row, column);
  };
  moveAbout(plane, cells, {
    rows, columns, start: focus, point: (cell) => frame(...(cell ?? focus)), pick: (cell) => onPick(...cell),
  });
  const seen = drawnPixels(pixels);
  const observer = new ResizeObserver(() => {
    const side = Math.floor(Math.min(figure.clientWidth, LONGEST));
    if (side > 0) drawRaster(canvas, seen, side, Math.floor((side * rows) / columns));
  });
  observer.observe(figure);
  scene.signal.addEventListener("abort", () => observer.disconnect());
  frame(...focus);
  return figure;
>>>>>>> guide-core
}
