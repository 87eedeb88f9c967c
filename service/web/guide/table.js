/**
 * Numbers as a table, of which only the rows in sight are made.
 */

import { make } from "../element.js";
import { number } from "./number.js";

const ROW_HEIGHT = 28; // CSS pixels, as guide.css says
const SHOWN_ROWS = 12;
const SHOWN_COLUMNS = 12;

/**
 * @typedef {object} TableOptions
 * @property {number} rows
 * @property {number} columns
 * @property {(row: number) => string} rowName
 * @property {(column: number) => string} columnName
 * @property {(row: number, column: number) => number | string} cell
 * @property {string} label
 * @property {string} open the words that open it
 * @property {string} [previous] the words of the button to earlier columns
 * @property {string} [next]
 */

/**
 * Makes a table that is filled when it is opened, and as it is scrolled.
 * @param {TableOptions} options
 * @returns {HTMLDetailsElement}
 */
export function numberTable(options) {
  const details = make("details", "as-table", make("summary", "", options.open));
  details.addEventListener("toggle", () => {
    if (details.open && details.childElementCount === 1) details.append(...filled(options));
  });
  return details;
}

/** @param {TableOptions} options */
function filled(options) {
  const { rows, columns, label } = options;
  const head = make("thead", "");
  const body = make("tbody", "");
  const table = make("table", "", make("caption", "visually-hidden", label), head, body);
  const scroller = make("div", "scroll", table);
  Object.assign(scroller, { tabIndex: 0, role: "region", ariaLabel: label });
  let [firstColumn, firstRow] = [0, -1];

  const show = (isForced = false) => {
    const first = Math.min(Math.floor(scroller.scrollTop / ROW_HEIGHT), Math.max(rows - SHOWN_ROWS, 0));
    if (first === firstRow && !isForced) return;
    firstRow = first;
    const shown = range(firstColumn, Math.min(firstColumn + SHOWN_COLUMNS, columns));
    const names = shown.map((column) => headCell("col", options.columnName(column)));
    head.replaceChildren(make("tr", "", make("td", ""), ...names));
    const last = Math.min(first + SHOWN_ROWS + 2, rows);
    body.replaceChildren(
      spacer(first * ROW_HEIGHT),
      ...range(first, last).map((row) => {
        const cells = shown.map((column) => make("td", "", written(options.cell(row, column))));
        const line = make("tr", "", headCell("row", options.rowName(row)), ...cells);
        line.setAttribute("aria-rowindex", String(row + 2));
        return line;
      }),
      spacer((rows - last) * ROW_HEIGHT),
    );
  };
  table.setAttribute("aria-rowcount", String(rows + 1));
  table.setAttribute("aria-colcount", String(columns + 1));
  scroller.addEventListener("scroll", () => show(), { passive: true });
  show();
  if (columns <= SHOWN_COLUMNS) return [scroller];
  const place = make("span", "muted");
  /** @param {string} words @param {number} distance */
  const turner = (words, distance) => {
    const button = make("button", "small", words);
    button.type = "button";
    button.addEventListener("click", () => {
      const latest = Math.max(Math.ceil(columns / SHOWN_COLUMNS) - 1, 0) * SHOWN_COLUMNS;
      firstColumn = Math.min(Math.max(firstColumn + distance, 0), latest);
      place.textContent = `${firstColumn}\u2013${Math.min(firstColumn + SHOWN_COLUMNS, columns) - 1} / ${columns}`;
      show(true);
    });
    return button;
  };
  place.textContent = `0\u2013${SHOWN_COLUMNS - 1} / ${columns}`;
  const turners = [turner(options.previous ?? "\u2190", -SHOWN_COLUMNS), place, turner(options.next ?? "\u2192", SHOWN_COLUMNS)];
  return [make("div", "turners", ...turners), scroller];
}

/** @param {"row" | "col"} scope @param {string} said */
function headCell(scope, said) {
  const cell = make("th", "", said);
  cell.scope = scope;
  return cell;
}

/** @param {number} height CSS pixels */
function spacer(height) {
  const row = make("tr", "spacer");
  row.style.height = `${height}px`;
  row.setAttribute("aria-hidden", "true");
  return row;
}

/** @param {number | string} value */
function written(value) {
  return typeof value === "number" ? number(value) : value;
}

/** @param {number} from @param {number} to */
function range(from, to) {
  return Array.from({ length: Math.max(to - from, 0) }, (_, index) => from + index);
}
