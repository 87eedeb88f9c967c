/**
 * Scores of patches as a picture.
 */

import { inksOf, levelOf } from "./colormap.js";

const PIXELS_PER_PATCH = 16; // of the smooth picture; a canvas enlarges it further

/**
 * Paints scores as a smooth picture: levels bilinear between the patches' centres, then coloured.
 * @param {{scores: number[][], scale: import("./colormap.js").Scale}} map
 * @param {import("./colormap.js").Overlay} overlay
 * @returns {HTMLCanvasElement}
 */
export function paintScores({ scores, scale }, overlay) {
  const canvas = document.createElement("canvas");
  canvas.width = scores[0].length * PIXELS_PER_PATCH;
  canvas.height = scores.length * PIXELS_PER_PATCH;
  const picture = new ImageData(canvas.width, canvas.height);
  const levels = scores.map((row) => row.map((score) => levelOf(score, scale)));
  const inks = inksOf(scale.signed, overlay);
  for (let y = 0; y < canvas.height; y += 1) {
    for (let x = 0; x < canvas.width; x += 1) {
      picture.data.set(inks[Math.round(levelAt(levels, x, y))], (y * canvas.width + x) * 4);
    }
  }
  canvas.getContext("2d")?.putImageData(picture, 0, 0);
  return canvas;
}

/**
 * @param {number[][]} levels
 * @param {number} x
 * @param {number} y
 * @returns {number}
 */
function levelAt(levels, x, y) {
  const across = between(x, levels[0].length);
  const down = between(y, levels.length);
  const [upper, lower] = [down.low, down.high].map(
    (row) => levels[row][across.low] * (1 - across.share) + levels[row][across.high] * across.share,
  );
  return upper * (1 - down.share) + lower * down.share;
}

/**
 * Gives the two patches that a pixel lies between, and how near it is to the second.
 * @param {number} pixel
 * @param {number} count
 * @returns {{low: number, high: number, share: number}}
 */
function between(pixel, count) {
  const place = Math.min(Math.max((pixel + 0.5) / PIXELS_PER_PATCH - 0.5, 0), count - 1);
  const low = Math.floor(place);
  return { low, high: Math.min(low + 1, count - 1), share: place - low };
}
