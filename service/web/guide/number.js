/**
 * Numbers as they are written on the page.
 */

const MINUS = "\u2212";
const LARGEST_PLAIN = 1e6;
const SMALLEST_PLAIN = 1e-4;

/**
 * Writes a number with as many significant digits; very small and very large ones with an exponent.
 * @param {number} value
 * @param {number} [digits]
 * @returns {string}
 */
export function number(value, digits = 4) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "\u221e" : `${MINUS}\u221e`;
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < LARGEST_PLAIN) return String(value).replace("-", MINUS);
  if (size >= LARGEST_PLAIN || size < SMALLEST_PLAIN) {
    return value.toExponential(Math.max(digits - 2, 1)).replaceAll("-", MINUS).replace("e+", "e");
  }
  const places = Math.min(Math.max(digits - 1 - Math.floor(Math.log10(size)), 0), digits);
  return value.toFixed(places).replace("-", MINUS);
}

/**
 * Writes a number with its sign, also where it is positive.
 * @param {number} value
 * @param {number} [digits]
 */
export function signed(value, digits = 4) {
  return value > 0 ? `+${number(value, digits)}` : number(value, digits);
}

/**
 * Writes a share in [0, 1] in percent.
 * @param {number} share
 * @param {number} [digits] after the point
 */
export function percent(share, digits = 1) {
  return `${(share * 100).toFixed(digits)}%`;
}

/**
 * Writes a shape.
 * @param {number[]} shape
 */
export function shapeText(shape) {
  return shape.join(" \u00d7 ");
}
