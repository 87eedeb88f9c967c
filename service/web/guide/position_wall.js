/**
 * The similarity maps of all positions in one picture: a small map for each place of the grid.
 */

import { make } from "../element.js";
import { cellPicker } from "./cell_picker.js";
import { inkOf } from "./ink.js";
import { pixelCanvas } from "./pixel_canvas.js";

/**
 * Draws the wall; a click on a map pins its patch.
 * @param {import("./step.js").Scene} scene
 * @param {(patch: number) => ArrayLike<number>} mapOf the similarities of a patch's place
 * @param {{label: string, range: [number, number]}} options
 * @returns {HTMLElement}
 */
export function positionWall({ facts: { architecture }, view, go, text }, mapOf, { label, range }) {
  const { rows, columns, patches } = architecture;
  const maps = Array.from({ length: patches }, (_, patch) => mapOf(patch));
  const { colors, level } = inkOf(false, range);
  const [high, wide] = [rows + 1, columns + 1]; // and a clear line between
  const canvas = pixelCanvas(rows * high, columns * wide, (down, across) => {
    const [row, column] = [down % high, across % wide];
    if (row === rows || column === columns) return null;
    const patch = Math.floor(down / high) * columns + Math.floor(across / wide);
    const at = level(maps[patch][row * columns + column]) * 3;
    return colors.subarray(at, at + 3);
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
  return make("div", "position-wall", wall.root, readout);
}
