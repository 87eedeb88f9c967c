/**
 * GELU and the error function that it needs, to the last digits of a 64-bit number.
 *
 * GELU(u) = u * Phi(u), Phi the cumulative distribution of the standard normal: Hendrycks and
 * Gimpel, "Gaussian Error Linear Units", 2016.
 */

const BEYOND = 6; // erf is 1 from here on, to 64 bits

/**
 * Gives erf(x) by the series 7.1.6 of Abramowitz and Stegun, "Handbook of Mathematical Functions"
 * (7.6.2 of https://dlmf.nist.gov/7.6): erf x = 2/sqrt(pi) e^(-x^2) sum of 2^n x^(2n+1) / (1 3 .. (2n+1)).
 * All its terms have one sign, so that no digits cancel.
 * @param {number} x
 * @returns {number}
 */
export function erf(x) {
  if (Math.abs(x) >= BEYOND) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let odd = 3; Math.abs(term) > Math.abs(sum) * Number.EPSILON / 4; odd += 2) {
    term *= (2 * x * x) / odd;
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/**
 * Gives the share of u that GELU lets through: Phi(u).
 * @param {number} u
 * @returns {number}
 */
export function passedShare(u) {
  return 0.5 * (1 + erf(u * Math.SQRT1_2));
}

/**
 * Gives the exact GELU, the one that the model computes.
 * @param {number} u
 * @returns {number}
 */
export function gelu(u) {
  return u * passedShare(u);
}
