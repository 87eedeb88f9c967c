/**
 * A magnifying glass over a matrix whose cells are small.
 */

import { make } from "../element.js";

const AROUND = 4; // cells on each side of the one in the middle
const SIDE = 126; // CSS pixels, a whole number of cells
const AWAY = 14; // CSS pixels from the cell
const SMALL = 6; // CSS pixels; larger cells need no glass

/** Keeps the glass beside the cell pointed at. */
export class Loupe {
  #raster;
  #cells;
  #glass = make("canvas", "loupe");

  /**
   * @param {HTMLCanvasElement} raster a pixel for each cell
   * @param {HTMLElement} cells whose box the cells fill
   */
  constructor(raster, cells) {
    this.#raster = raster;
    this.#cells = cells;
    this.#glass.width = this.#glass.height = SIDE;
  }

  /**
   * Shows what is around a cell, or nothing.
   * @param {[number, number] | null} cell row and column
   */
  show(cell) {
    const { width: columns, height: rows } = this.#raster;
    const { clientWidth, clientHeight } = this.#cells;
    const [wide, high] = [clientWidth / columns, clientHeight / rows];
    this.#glass.remove();
    if (!cell || Math.min(wide, high) >= SMALL || Math.min(rows, columns) < AROUND) return;
    this.#cells.append(this.#glass);
    const [row, column] = cell;
    const count = 2 * AROUND + 1;
    const pen = /** @type {CanvasRenderingContext2D} */ (this.#glass.getContext("2d"));
    pen.imageSmoothingEnabled = false;
    pen.clearRect(0, 0, SIDE, SIDE);
    pen.drawImage(this.#raster, column - AROUND, row - AROUND, count, count, 0, 0, SIDE, SIDE);
    pen.lineWidth = 2;
    pen.strokeStyle = "#ffffff";
    pen.strokeRect((AROUND * SIDE) / count, (AROUND * SIDE) / count, SIDE / count, SIDE / count);
    pen.strokeStyle = "#000000";
    pen.strokeRect((AROUND * SIDE) / count - 2, (AROUND * SIDE) / count - 2, SIDE / count + 4, SIDE / count + 4);
    const isLeft = (column + 0.5) * wide > clientWidth / 2; // away from the nearer edge
    const left = (column + 0.5) * wide + (isLeft ? -SIDE - AWAY : AWAY);
    const top = Math.min(Math.max((row + 0.5) * high - SIDE / 2, 0), Math.max(clientHeight - SIDE, 0));
    this.#glass.style.left = `${left}px`;
    this.#glass.style.top = `${top}px`;
  }
}
