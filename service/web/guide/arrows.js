/**
 * What leads to what: parts with arrows between them.
 */

import { make, makeDrawn } from "../element.js";

/**
 * Lays parts out in a row with arrows between them; where there is no room the row wraps.
 * @param {(Node | string)[]} parts
 * @param {string} [operator] what stands between them instead of an arrow, such as "+"
 * @returns {HTMLElement}
 */
export function flow(parts, operator) {
  const between = () => (operator ? make("span", "operator", operator) : arrow());
  return make("div", "flow", ...parts.flatMap((part, index) => {
    const item = make("div", "part", part);
    return index === 0 ? [item] : [between(), item];
  }));
}

/** Draws an arrow to the right. */
export function arrow() {
  const path = makeDrawn("path", { d: "M1 8h24M18 2l7 6-7 6", class: "arrow" });
  return makeDrawn("svg", { width: 28, height: 16, viewBox: "0 0 28 16", class: "between", "aria-hidden": "true" }, path);
}
