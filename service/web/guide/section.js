/**
 * A part of a drawing under a heading of its own.
 */

import { make } from "../element.js";

/**
 * @param {string} heading
 * @param {...(Node | string)} content
 * @returns {HTMLElement}
 */
export function section(heading, ...content) {
  return make("section", "section", make("h3", "", heading), ...content);
}
