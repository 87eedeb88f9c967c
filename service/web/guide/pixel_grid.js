/**
 * The pixels that the model sees, each to be pointed at.
 */

import { emptyCanvas, make } from "../element.js";
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
  const canvas = emptyCanvas();
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
}
