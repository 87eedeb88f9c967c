/**
 * One token's sum: three rows of features over one another, and the feature looked at as arithmetic.
 */

import { make } from "../element.js";
import { cellPicker } from "./cell_picker.js";
import { number } from "./number.js";
import { pixelCanvas, signedInk } from "./pixel_canvas.js";

/**
 * `sign` is what stands before the summand.
 * @typedef {{sign: string, name: string, what: string, values: ArrayLike<number>}} Summand
 */

/**
 * Draws the rows; the feature pointed at lights up in all of them and is added up above.
 * @param {import("./step.js").Scene} scene
 * @param {Summand[]} summands embedding, position and their sum
 * @param {{token: number, feature: number, most: number}} shown the cell, and where colours end
 * @returns {HTMLElement}
 */
export function addition({ text, go }, summands, { token, feature, most }) {
  const ink = signedInk(most);
  const width = summands[0].values.length;
  const title = make("p", "muted");
  const values = summands.map(() => make("b", ""));
  const terms = summands.map(({ sign, name, what }, at) =>
    make("span", "summed", ...(sign ? [make("span", "sign", sign)] : []),
      make("span", "term-value", values[at], make("span", "", make("i", "", name), ` ${what}`))));
  /** @param {number} index */
  const numbers = (index) => summands.map((one) => number(one.values[index]));
  /** @param {number} index */
  const show = (index) => {
    title.textContent = text("step8_cell", { feature: index });
    numbers(index).forEach((value, at) => (values[at].textContent = value));
  };
  const strips = cellPicker({
    content: make("div", "strips", ...summands.map((one) => pixelCanvas(1, width, (_, index) => ink(one.values[index])))),
    rows: 1,
    columns: width,
    label: text("step8_strips"),
    say: (index) => {
      const [embedding, position, sum] = numbers(index);
      return text("step8_addition", { feature: index, embedding, position, sum });
    },
    chosen: feature,
    onPoint: (index) => show(index ?? feature),
    onPick: (index) => go({ cell: [token, index] }),
  });
  const names = make("div", "strip-names", ...summands.map(({ sign, name }) => make("b", "", `${sign} ${name}`)));
  show(feature);
  return make("div", "token-sum", title, make("p", "arithmetic", ...terms), make("div", "named-strips", names, strips.root));
}
