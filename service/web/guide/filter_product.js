/**
 * A patch times a filter, as small pictures: every number with its weight, added up by channel.
 */

import { make } from "../element.js";
import { cellPicker } from "./cell_picker.js";
import { filterInk } from "./filter_picture.js";
import { CHANNELS, placeOf } from "./flat_patch.js";
import { headCell } from "./head_cell.js";
import { number, signed } from "./number.js";
import { mostOf, pixelCanvas, signedInk } from "./pixel_canvas.js";
import { patchCanvas } from "./pixels.js";

/**
 * Draws the patch, the filter and their products for each channel, and the sums down to the total.
 * @param {import("./step.js").Scene} scene
 * @param {ArrayLike<number>} filter
 * @param {{feature: number, bias: number, total: number}} result
 * @returns {HTMLElement}
 */
export function filterProduct({ facts, view, tensors, text }, filter, { feature, bias, total }) {
  const size = facts.architecture.patchSize;
  const area = size * size;
  const patch = tensors.patches.row(view.patch);
  const factors = { patch, filter, products: Float64Array.from(patch, (value, at) => value * filter[at]) };
  const readout = make("p", "readout", text("step4_hint"));
  /** @type {((index: number | null) => void)[]} */
  const lights = [];
  /** @param {number} index */
  const said = (index) => {
    const { channel, ...place } = placeOf(index, size);
    const [value, weight, product] = Object.values(factors).map((values) => number(values[index]));
    return text("step4_term", { channel: text(`step3_${CHANNELS[channel]}`), ...place, value, weight, product });
  };
  /** @param {number | null} index */
  const point = (index) => {
    for (const light of lights) light(index);
    readout.textContent = index === null ? text("step4_hint") : said(index);
  };
  /** @param {number} channel */
  const planes = (channel) => Object.entries(factors).map(([name, values]) => {
    const ink = signedInk(mostOf(values));
    const first = channel * area;
    const { root, light } = cellPicker({
      content: pixelCanvas(size, size, (row, column) => ink(values[first + row * size + column])),
      rows: size,
      columns: size,
      label: text(`step4_plane_${name}`, { channel: text(`step3_${CHANNELS[channel]}`) }),
      chosen: null,
      onPoint: (at) => point(at === null ? null : first + at),
    });
    lights.push((index) => {
      light(index !== null && placeOf(index, size).channel === channel ? index - first : null);
    });
    return make("td", "", root);
  });
  const heads = ["patch", "filter", "products", "sum"].map((name) => headCell("col", text(`step4_${name}`, { feature })));
  const pictures = [patchCanvas(facts, view.patch), pixelCanvas(size, size, filterInk(filter, size))];
  const rows = CHANNELS.map((name, channel) => {
    const sum = factors.products.subarray(channel * area, (channel + 1) * area).reduce((all, one) => all + one, 0);
    return make("tr", name, headCell("row", text(`step3_${name}`)), ...planes(channel), make("td", "amount", signed(sum)));
  });
  const colours = pictures.map((canvas) => make("td", "", make("div", "picker", canvas)));
  const table = make("table", "product",
    make("thead", "", make("tr", "", make("td", ""), ...heads)),
    make("tbody", "",
      make("tr", "", headCell("row", text("step4_colours")), ...colours, make("td", ""), make("td", "")),
      ...rows,
      make("tr", "", headCell("row", text("step4_bias"), 4), make("td", "amount", signed(bias))),
      make("tr", "total", headCell("row", text("step4_total", { feature, patch: view.patch }), 4), make("td", "amount", number(total)))));
  return make("div", "", table, readout);
}
