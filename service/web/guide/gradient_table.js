/**
 * The gradient p - onehot, a row for each class: what training pushes up and what it pushes down.
 */

import { make } from "../element.js";
import { number } from "./number.js";
import { signedBar } from "./share_bar.js";

const MOST_ROWS = 10;

/**
 * @param {import("./step.js").Scene} scene
 * @param {{probabilities: ArrayLike<number>, gradient: Float64Array, label: number}} options
 * @returns {HTMLElement}
 */
export function gradientTable({ facts, text }, { probabilities, gradient, label }) {
  const order = Array.from(gradient, (_, index) => index);
  if (order.length > MOST_ROWS) {
    order.sort((one, other) => Math.abs(gradient[other]) - Math.abs(gradient[one])); // the label is first
  }
  const shown = order.slice(0, MOST_ROWS);
  const rest = order.slice(MOST_ROWS);
  const sum = (/** @type {ArrayLike<number>} */ values) => rest.reduce((all, index) => all + values[index], 0);
  const rows = shown.map((index) => {
    const numbers = [probabilities[index], index === label ? 1 : 0, gradient[index]];
    return row(facts.labels[index], numbers, index === label ? "label" : "");
  });
  if (rest.length > 0) {
    const name = text("step24_rest", { count: rest.length });
    rows.push(row(name, [sum(probabilities), 0, sum(gradient)], "rest"));
  }
  const heads = ["step24_class", "step24_p", "step24_onehot", "step24_slope"].map((key) => {
    const head = make("th", "", text(key));
    head.scope = "col";
    return head;
  });
  const caption = make("caption", "", text("step24_gradient_caption"));
  const table = make("table", "gradient", caption);
  table.append(make("thead", "", make("tr", "", ...heads, make("td", ""))), make("tbody", "", ...rows));
  return table;
}

/**
 * @param {string} name
 * @param {number[]} numbers probability, one-hot and slope
 * @param {string} className
 */
function row(name, [probability, onehot, slope], className) {
  const head = make("th", "", name);
  head.scope = "row";
  return make(
    "tr",
    className,
    head,
    make("td", "", data(probability)),
    make("td", "", String(onehot)),
    make("td", "", data(slope)),
    make("td", "bar-cell", signedBar(slope)),
  );
}

/** @param {number} value */
function data(value) {
  const element = make("data", "", number(value));
  element.value = String(value);
  return element;
}
