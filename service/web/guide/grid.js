/**
 * Moving about in a grid of cells: by pointer, touch and keys, with what is there read out.
 */

/**
 * @typedef {[number, number]} Cell row and column
 * @typedef {object} Moves
 * @property {number} rows
 * @property {number} columns
 * @property {Cell} start where the keys begin
 * @property {(cell: Cell | null) => void} point told what is pointed at; null when nothing is
 * @property {(cell: Cell) => void} [pick] told what was clicked, or chosen by Enter
 */

const FAR = 10;

/**
 * Lets a person move about in an element that shows a grid of equal cells.
 * @param {HTMLElement} element which takes the focus
 * @param {HTMLElement} cells whose box the cells fill
 * @param {Moves} moves
 */
export function moveAbout(element, cells, { rows, columns, start, point, pick }) {
  /** @type {Cell} */
  let here = [clamp(start[0], rows), clamp(start[1], columns)];

  /** @param {MouseEvent} event @returns {Cell} */
  const cellAt = ({ clientX, clientY }) => {
    const box = cells.getBoundingClientRect();
    const row = Math.floor(((clientY - box.top) / box.height) * rows);
    return [clamp(row, rows), clamp(Math.floor(((clientX - box.left) / box.width) * columns), columns)];
  };
  cells.addEventListener("pointermove", (event) => {
    const cell = cellAt(event);
    if (cell[0] !== here[0] || cell[1] !== here[1] || !element.dataset.pointed) point((here = cell));
    element.dataset.pointed = "yes";
  });
  cells.addEventListener("pointerleave", () => {
    delete element.dataset.pointed;
    if (document.activeElement !== element) point(null);
  });
  cells.addEventListener("click", (event) => {
    point((here = cellAt(event)));
    pick?.(here);
  });
  element.addEventListener("focus", () => {
    if (element.matches(":focus-visible")) point(here);
  });
  element.addEventListener("blur", () => point(null));
  element.addEventListener("keydown", (event) => {
    if (event.altKey || event.metaKey) return;
    if (event.key === "Enter" || event.key === " ") {
      if (!pick) return;
      event.preventDefault();
      pick(here);
      return;
    }
    const next = cellAfter(here, event, rows, columns);
    if (!next) return;
    event.preventDefault();
    point((here = next));
  });
}

/**
 * @param {Cell} cell
 * @param {KeyboardEvent} event
 * @param {number} rows
 * @param {number} columns
 * @returns {Cell | null} null for keys that do not move
 */
function cellAfter([row, column], { key, shiftKey, ctrlKey }, rows, columns) {
  const step = shiftKey ? FAR : 1;
  /** @type {Record<string, Cell>} */
  const places = {
    ArrowLeft: [row, column - step],
    ArrowRight: [row, column + step],
    ArrowUp: [row - step, column],
    ArrowDown: [row + step, column],
    PageUp: [row - FAR, column],
    PageDown: [row + FAR, column],
    Home: [ctrlKey ? 0 : row, 0],
    End: [ctrlKey ? rows - 1 : row, columns - 1],
  };
  const place = places[key];
  return place ? [clamp(place[0], rows), clamp(place[1], columns)] : null;
}

/** @param {number} at @param {number} count */
function clamp(at, count) {
  return Math.min(Math.max(at, 0), count - 1);
}
