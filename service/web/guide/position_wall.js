/**
 * The similarity maps of all positions in one picture: a small map for each place of the grid.
 */

import { make } from "../element.js";
import { cellPicker } from "./cell_picker.js";
import { pixelCanvas, signedInk } from "./pixel_canvas.js";
import { similarities } from "./similarity.js";

/**
 * Draws the wall; a click on a map pins its patch.
 * @param {import("./step.js").Scene} scene
 * @param {import("./tensor.js").Tensor} positions [n, d], of the patches
 * @param {string} label
 * @returns {HTMLElement}
 */
export function positionWall({ facts: { architecture }, view, go, text }, positions, label) {
  const { rows, columns, patches } = architecture;
  const maps = Array.from({ length: patches }, (_, patch) => similarities(positions, patch));
  const ink = signedInk(1);
  const [high, wide] = [rows + 1, columns + 1]; // and a clear line between
  const canvas = pixelCanvas(rows * high, columns * wide, (down, across) => {
    const [row, column] = [down % high, across % wide];
    if (row === rows || column === columns) return null;
    const patch = Math.floor(down / high) * columns + Math.floor(across / wide);
    return ink(maps[patch][row * columns + column]);
  });
  const readout = make("p", "readout", text("step7_wall_hint"));
  /** @param {number} patch */
  const say = (patch) => architecture.nameOfPatch(patch);
  const wall = cellPicker({
    content: canvas,
    rows,
    columns,
    label,
    say,
    chosen: view.patch,
    onPoint: (patch) => (readout.textContent = patch === null ? text("step7_wall_hint") : say(patch)),
    onPick: (patch) => go({ patch }),
  });
  wall.root.classList.add("mine");
  return make("div", "position-wall", wall.root, readout);
}
