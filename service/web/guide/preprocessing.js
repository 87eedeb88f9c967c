/**
 * The original picture, with a frame around what the model sees of it.
 */

import { emptyCanvas, make } from "../element.js";

const LONGEST = 360; // CSS pixels

/**
 * Draws the original. `light` shows where a pixel of the model's lies in it.
 * @param {import("./step.js").Scene} scene
 * @returns {{element: HTMLElement, light: (row: number, column: number) => void}}
 */
export function framedOriginal({ facts, text }) {
  const { image, original: { width, height }, crop: [left, top, right, bottom], pixels } = facts;
  const [rows, columns] = pixels.shape;
  const canvas = emptyCanvas();
  const factor = Math.min(1, (2 * LONGEST) / Math.max(image.width, image.height));
  [canvas.width, canvas.height] = [image.width * factor, image.height * factor].map((side) => Math.max(1, Math.round(side)));
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", text("step1_original_label", { name: facts.name, width, height }));
  const frame = make("i", "crop");
  const pixel = make("i", "pixel-here");
  const box = make("div", "framed-original", canvas, frame, pixel);
  box.style.aspectRatio = `${width} / ${height}`;
  box.style.width = `min(100%, ${Math.round(Math.min(LONGEST, (LONGEST * width) / height))}px)`;
  put(frame, left / width, top / height, (right - left) / width, (bottom - top) / height);
  const [wide, high] = [(right - left) / columns, (bottom - top) / rows];
  return {
    element: box,
    light: (row, column) => put(pixel, (left + column * wide) / width, (top + row * high) / height, wide / width, high / height),
  };
}

/**
 * @param {HTMLElement} element
 * @param {number} left shares of the picture
 * @param {number} top
 * @param {number} width
 * @param {number} height
 */
function put(element, left, top, width, height) {
  const sides = { left, top, width, height };
  for (const [side, share] of Object.entries(sides)) element.style.setProperty(side, `${share * 100}%`);
}
