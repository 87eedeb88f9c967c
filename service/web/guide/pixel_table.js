/**
 * The three numbers of a pixel: before and after normalisation, and their places in the vector.
 */

import { make } from "../element.js";
import { CHANNELS, placeOf } from "./flat_patch.js";
import { number } from "./number.js";
import { headCell } from "./head_cell.js";

/**
 * @param {import("./step.js").Scene["text"]} text
 * @param {ArrayLike<number>} levels of the whole vector, 0 to 255
 * @param {ArrayLike<number>} vector
 * @param {number} size side of the patch, in pixels
 * @returns {{root: HTMLElement, show: (index: number) => void}}
 */
export function pixelTable(text, levels, vector, size) {
  const area = size * size;
  const heads = ["channel", "before", "after", "place"].map((name) => headCell("col", text(`step3_${name}`)));
  const caption = make("caption", "");
  const body = make("tbody", "");
  /** @param {number} index */
  const show = (index) => {
    caption.textContent = text("step3_this_pixel", placeOf(index, size));
    const rows = CHANNELS.map((name, channel) => {
      const place = channel * area + (index % area);
      const values = [levels[place], vector[place], place].map((value) => make("td", "", number(value)));
      return make("tr", place === index ? `${name} held` : name, headCell("row", text(`step3_${name}`)), ...values);
    });
    body.replaceChildren(...rows);
  };
  const table = make("table", "pixel-table", caption, make("thead", "", make("tr", "", ...heads)), body);
  return { root: table, show };
}
