/**
 * Numbers as a thin strip of colours: light enough to be drawn anew while a pointer moves.
 */

import { make } from "../element.js";
import { inkOf, rangeOf } from "./ink.js";
import { rasterOf } from "./raster.js";

/**
 * Draws the strip with a name before it and a word after it.
 * @param {{name: Node | string, values: ArrayLike<number>, said?: string,
 *   hue?: import("./ink.js").Hue, range?: [number, number]}} options
 * @returns {HTMLElement}
 */
export function strip({ name, values, said = "", hue, range = rangeOf(values, true) }) {
  const canvas = rasterOf(values, 1, values.length, inkOf(true, range, hue));
  canvas.setAttribute("aria-hidden", "true");
  return make("div", "thin-strip", make("span", "name", name), canvas, make("span", "said", said));
}
