/**
 * Scores of patches as a picture.
 */

import { cividis } from "./cividis.js";

const PIXELS_PER_PATCH = 16; // of the smooth picture; a canvas enlarges it further

/**
 * Paints scores as a smooth picture: bilinear between the patches' centres, then coloured.
 * @param {{scores: number[][], scale: {min: number, max: number}}} map
 * @returns {HTMLCanvasElement}
 */
export function paintScores({ scores, scale }) {
  const canvas = document.createElement("canvas");
  canvas.width = scores[0].length * PIXELS_PER_PATCH;
  canvas.height = scores.length * PIXELS_PER_PATCH;
  const picture = new ImageData(canvas.width, canvas.height);
  const span = scale.max - scale.min;
  for (let y = 0; y < canvas.height; y += 1) {
    for (let x = 0; x < canvas.width; x += 1) {
      const share = span > 0 ? (scoreAt(scores, x, y) - scale.min) / span : 0;
      picture.data.set([...cividis(share), 255], (y * canvas.width + x) * 4);
    }
  }
  canvas.getContext("2d")?.putImageData(picture, 0, 0);
  return canvas;
}

/**
 * @param {number[][]} scores
 * @param {number} x
 * @param {number} y
 * @returns {number}
 */
function scoreAt(scores, x, y) {
  const across = between(x, scores[0].length);
  const down = between(y, scores.length);
  const [upper, lower] = [down.low, down.high].map(
    (row) => scores[row][across.low] * (1 - across.share) + scores[row][across.high] * across.share,
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
