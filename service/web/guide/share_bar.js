/**
 * A number as a bar: from the middle where it has a sign, from the left where it is a share of all.
 */

import { make } from "../element.js";

/**
 * @param {number} share of half the width, from -1 to 1
 * @returns {HTMLElement}
 */
export function signedBar(share) {
  const fill = make("i", share < 0 ? "fill below" : "fill above");
  fill.style.width = `${Math.min(Math.abs(share), 1) * 50}%`;
  return track("bar-track", fill);
}

/**
 * @param {number} share of the whole width, from 0 to 1
 * @returns {HTMLElement}
 */
export function shareBar(share) {
  const fill = make("i", "");
  fill.style.width = `${share * 100}%`;
  return track("share-track", fill);
}

/**
 * @param {string} className
 * @param {HTMLElement} fill
 */
function track(className, fill) {
  const element = make("span", className, fill);
  element.setAttribute("aria-hidden", "true"); // the number beside it says it
  return element;
}
