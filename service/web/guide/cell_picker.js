/**
 * Equal cells over something drawn, of which one is chosen and another may be pointed at.
 */

import { make } from "../element.js";
import { moveAbout } from "./grid.js";

/**
 * `count` is how many cells there are where the last row is not full. `onPoint` hears of the cell
 * under the pointer or the keys, and null when there is none; `onPick` of a click or Enter.
 * @typedef {object} Cells
 * @property {Node} content
 * @property {number} rows
 * @property {number} columns
 * @property {number} [count]
 * @property {string} label
 * @property {(index: number) => string} [say] left out where only the pointer moves about
 * @property {number | null} chosen
 * @property {(index: number | null) => void} [onPoint]
 * @property {(index: number) => void} [onPick]
 *
 * @typedef {{root: HTMLElement, light: (index: number | null) => void}} CellPicker
 */

/**
 * Makes the cells a slider of one focus, whose value is read out; without words, an image. `light`
 * shows a cell as pointed at without telling anyone.
 * @param {Cells} cells
 * @returns {CellPicker}
 */
export function cellPicker({ content, rows, columns, count = rows * columns, label, say, chosen, onPoint, onPick }) {
  const [mark, lit] = ["chosen", "lit"].map((name) => {
    const frame = make("i", name);
    frame.style.width = `${100 / columns}%`;
    frame.style.height = `${100 / rows}%`;
    return frame;
  });
  const root = make("div", "picker", content, mark, lit);
  /** @param {HTMLElement} frame @param {number | null} index */
  const place = (frame, index) => {
    frame.hidden = index === null;
    frame.style.left = `${(((index ?? 0) % columns) / columns) * 100}%`;
    frame.style.top = `${(Math.floor((index ?? 0) / columns) / rows) * 100}%`;
  };
  /** @param {number | null} index */
  const light = (index) => {
    place(lit, index);
    if (!say) return;
    const read = index ?? chosen ?? 0;
    root.setAttribute("aria-valuenow", String(read));
    root.setAttribute("aria-valuetext", say(read));
  };
  /** @param {[number, number]} cell */
  const indexOf = ([row, column]) => Math.min(row * columns + column, count - 1);

  root.setAttribute("role", say ? "slider" : "img");
  root.setAttribute("aria-label", label);
  if (say) {
    root.setAttribute("aria-valuemin", "0");
    root.setAttribute("aria-valuemax", String(count - 1));
    root.dataset.focus = label;
    root.tabIndex = 0;
  }
  moveAbout(root, root, {
    rows,
    columns,
    start: [Math.floor((chosen ?? 0) / columns), (chosen ?? 0) % columns],
    point: (cell) => {
      const index = cell && indexOf(cell);
      light(index);
      onPoint?.(index);
    },
    pick: onPick && ((cell) => onPick(indexOf(cell))),
  });
  place(mark, chosen);
  light(null);
  return { root, light };
}
