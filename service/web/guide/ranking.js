/**
 * Named contributions as bars from a common zero, each with its number.
 */

import { make } from "../element.js";
import { number, signed } from "./number.js";

/**
 * @typedef {object} Entry
 * @property {string} name
 * @property {number} value
 * @property {string} [note] how the value comes about
 * @property {HTMLElement} [sign] what stands before the name: a patch, a colour
 * @property {boolean} [isMine] the pinned patch's
 * @property {boolean} [isChosen] where one of them can be chosen
 * @property {() => void} [onPick]
 */

/**
 * Draws the entries in the order given.
 * @param {string} label
 * @param {Entry[]} entries
 * @returns {HTMLElement}
 */
export function ranking(label, entries) {
  const isSigned = entries.some(({ value }) => value < 0);
  const most = Math.max(...entries.map(({ value }) => Math.abs(value))) || 1;
  const list = make("ol", "ranking plain", ...entries.map((entry) => row(entry, most, isSigned)));
  list.setAttribute("aria-label", label);
  return list;
}

/**
 * @param {Entry} entry
 * @param {number} most the length of a whole bar
 * @param {boolean} isSigned
 */
function row({ name, value, note = "", sign, isMine, isChosen, onPick }, most, isSigned) {
  const bar = make("span", value < 0 ? "fill below" : "fill");
  const share = (Math.abs(value) / most) * (isSigned ? 50 : 100);
  bar.style.setProperty("width", `${share}%`);
  if (isSigned) bar.style.setProperty("margin-inline-start", `${value < 0 ? 50 - share : 50}%`);
  const content = [
    sign ?? make("span", ""),
    make("span", "name", name, " ", make("small", "muted", note)),
    make("data", "", isSigned ? signed(value) : number(value)),
    make("span", isSigned ? "track signed" : "track", bar),
  ];
  content[2].setAttribute("value", String(value));
  if (!onPick) return make("li", isMine ? "row mine" : "row", ...content);
  const button = make("button", isMine ? "row mine" : "row", ...content);
  button.type = "button";
  button.dataset.focus = `rank ${name}`;
  if (isChosen !== undefined) button.setAttribute("aria-pressed", String(isChosen));
  button.addEventListener("click", onPick);
  return make("li", "", button);
}
