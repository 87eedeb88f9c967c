/**
 * What the colours of a drawing stand for.
 */

import { make } from "../element.js";
import { gradientOf } from "./ink.js";
import { number } from "./number.js";

/**
 * Makes a small bar of colours with its lowest, middle and highest number.
 * @param {boolean} isSigned
 * @param {[number, number]} range
 * @param {import("./ink.js").Hue} [hue]
 * @returns {HTMLElement}
 */
export function colorScale(isSigned, [least, most], hue) {
  const ramp = make("span", "ramp");
  ramp.style.backgroundImage = gradientOf(isSigned, hue);
  const middle = isSigned && least < 0 && most > 0 ? [make("span", "", "0")] : [];
  const numbers = make("span", "numbers", make("span", "", number(least, 3)), ...middle, make("span", "", number(most, 3)));
  return make("span", "color-scale", ramp, numbers);
}
