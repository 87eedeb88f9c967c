/**
 * All filters of the patch embedding in one picture, one of which can be chosen.
 */

import { make } from "../element.js";
import { cellPicker } from "./cell_picker.js";
import { filterInk } from "./filter_picture.js";
import { pixelCanvas } from "./pixel_canvas.js";

const NARROWEST = 20; // CSS pixels of a tile, to be hit with a finger
const ASPECT = 2.6;
const USUAL_ROOM = 640; // CSS pixels, where the width is not known yet

/**
 * Gives the number of columns that makes the picture wide and leaves no gap in its last row.
 * @param {number} count
 * @param {number} room in CSS pixels
 * @returns {number}
 */
function columnsFor(count, room) {
  const wished = Math.sqrt(count * ASPECT);
  const most = Math.max(1, Math.floor(Math.min(wished * 1.2, room / NARROWEST)));
  for (let columns = most; columns > most * 0.6; columns -= 1) if (count % columns === 0) return columns;
  return most;
}

/**
 * @param {import("./step.js").Scene} scene
 * @param {import("./tensor.js").Tensor} weights [d, 3pp]
 * @param {number} feature the chosen one
 * @param {(feature: number) => void} pick
 * @returns {HTMLElement}
 */
export function filterGallery({ facts, root, text }, weights, feature, pick) {
  const size = facts.architecture.patchSize;
  const [count] = weights.shape;
  const columns = columnsFor(count, root.clientWidth || USUAL_ROOM);
  const rows = Math.ceil(count / columns);
  const inks = Array.from({ length: count }, (_, index) => filterInk(weights.row(index), size));
  const tile = size + 1; // and a clear line between
  const canvas = pixelCanvas(rows * tile, columns * tile, (down, across) => {
    const [row, column] = [down % tile, across % tile];
    if (row === size || column === size) return null;
    return inks[Math.floor(down / tile) * columns + Math.floor(across / tile)]?.(row, column) ?? null;
  });
  const readout = make("p", "readout", text("step4_gallery_hint"));
  /** @param {number} index */
  const say = (index) => text("feature", { feature: index });
  const gallery = cellPicker({
    content: canvas,
    rows,
    columns,
    count,
    label: text("step4_gallery", { count }),
    say,
    chosen: feature,
    onPoint: (index) => (readout.textContent = index === null ? text("step4_gallery_hint") : say(index)),
    onPick: pick,
  });
  return make("div", "filters", gallery.root, readout);
}
