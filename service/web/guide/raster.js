/**
 * A matrix of numbers as a picture of as many pixels, painted crisp at any size.
 */

/**
 * Paints numbers, one pixel each.
 * @param {ArrayLike<number>} values row by row
 * @param {number} rows
 * @param {number} columns
 * @param {import("./ink.js").Ink} ink
 * @returns {HTMLCanvasElement}
 */
export function rasterOf(values, rows, columns, { colors, level }) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [columns, rows];
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = pen.createImageData(columns, rows);
  const { data } = image;
  for (let at = 0, to = 0; at < values.length; at += 1, to += 4) {
    const from = level(values[at]) * 3;
    data[to] = colors[from];
    data[to + 1] = colors[from + 1];
    data[to + 2] = colors[from + 2];
    data[to + 3] = 255;
  }
  pen.putImageData(image, 0, 0);
  return canvas;
}

/**
 * Draws a raster on a canvas of a size, every number a block of whole device pixels.
 * @param {HTMLCanvasElement} canvas
 * @param {HTMLCanvasElement} raster
 * @param {number} width CSS pixels
 * @param {number} height
 */
export function drawRaster(canvas, raster, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.imageSmoothingEnabled = false;
  pen.drawImage(raster, 0, 0, canvas.width, canvas.height);
}

