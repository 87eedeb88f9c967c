/**
 * A dot product, term by term.
 */

import { make } from "../element.js";
import { number, signed } from "./number.js";
import { numberTable } from "./table.js";

/**
 * @typedef {{name: string, values: ArrayLike<number>}} Factor
 * @typedef {object} DotProductOptions
 * @property {Factor} left
 * @property {Factor} right
 * @property {number} [scale] the sum is multiplied by
 * @property {string} [scaleName] such as "1/√64"
 * @property {number} [bias] added at the end
 * @property {number} total as the model sent it
 * @property {(index: number) => string} [termName]
 * @property {string} [label]
 */

const SHOWN_TERMS = 8;

/**
 * Shows the largest terms of a dot product as bars, what the others come to, and the running sum.
 * @param {import("./step.js").Scene} scene
 * @param {DotProductOptions} options
 * @returns {HTMLElement}
 */
export function dotProduct(scene, options) {
  const { left, right, scale = 1, bias, total } = options;
  const { text } = scene;
  const termName = options.termName ?? ((/** @type {number} */ index) => text("feature", { feature: index }));
  const terms = Array.from(left.values, (value, index) => value * right.values[index]);
  const order = terms.map((_, index) => index).sort((one, two) => Math.abs(terms[two]) - Math.abs(terms[one]));
  const largest = order.slice(0, SHOWN_TERMS);
  const rest = order.slice(SHOWN_TERMS).reduce((sum, index) => sum + terms[index], 0);
  const rows = largest.map((index) => ({
    name: termName(index),
    how: `${number(left.values[index], 3)} \u00b7 ${number(right.values[index], 3)}`,
    value: terms[index],
  }));
  if (order.length > SHOWN_TERMS) {
    rows.push({ name: text("sum_rest", { count: order.length - SHOWN_TERMS }), how: "", value: rest });
  }
  if (bias !== undefined) rows.push({ name: text("sum_bias"), how: "", value: bias / scale });
  const longest = Math.max(...rows.map(({ value }) => Math.abs(value)), 1e-30);
  let sum = 0;
  const list = make("ol", "plain terms", ...rows.map(({ name, how, value }) => {
    sum += value;
    return make("li", "term", make("span", "name", name), make("span", "how", how), bar(value / longest),
      make("span", "value", signed(value, 3)), make("span", "running", number(sum * scale, 3)));
  }));
  const head = make("p", "term head", make("span", "name", `${left.name} \u00b7 ${right.name}`), make("span", "how", ""),
    make("span", ""), make("span", "value", text("sum_term")), make("span", "running", text("sum_running")));
  const scaled = scale === 1 ? "" : ` \u00d7 ${options.scaleName ?? number(scale, 3)}`;
  const result = make("p", "total", text("sum_total", { sum: `${number(sum)}${scaled}`, total: number(total) }));
  const table = numberTable({
    rows: terms.length, columns: 3, label: `${left.name} \u00b7 ${right.name}`, rowName: termName,
    columnName: (column) => [left.name, right.name, text("sum_term")][column],
    cell: (row, column) => [left.values[row], right.values[row], terms[row]][column],
    open: text("sum_all", { count: terms.length }),
  });
  const section = make("div", "sum", head, list, result, table);
  section.setAttribute("role", "group");
  section.setAttribute("aria-label", options.label ?? `${left.name} \u00b7 ${right.name}`);
  return section;
}

/** @param {number} share of the longest bar, signed */
function bar(share) {
  const fill = make("i", share < 0 ? "fill below" : "fill above");
  fill.style.width = `${Math.abs(share) * 50}%`;
  const track = make("span", "bar-track", fill);
  track.setAttribute("aria-hidden", "true");
  return track;
}
