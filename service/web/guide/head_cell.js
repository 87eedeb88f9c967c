/**
 * The head of a row or a column of a table.
 */

import { make } from "../element.js";

/**
 * @param {"row" | "col"} scope
 * @param {string} title
 * @param {number} [span] in columns
 * @returns {HTMLElement}
 */
export function headCell(scope, title, span = 1) {
  const cell = make("th", "", title);
  [cell.scope, cell.colSpan] = [scope, span];
  return cell;
}
