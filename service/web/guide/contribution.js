/**
 * How much each token gives to another: its share of the attention times the length of its value.
 */

import { dot } from "./dot.js";

/**
 * Gives the contribution of every token to a row of the context.
 * @param {ArrayLike<number>} attention one row
 * @param {import("./tensor.js").Tensor} value [tokens, features]
 * @returns {{token: number, weight: number, length: number, size: number}[]} by token
 */
export function contributionsOf(attention, value) {
  return Array.from(attention, (weight, token) => {
    const row = value.row(token);
    const length = Math.sqrt(dot(row, row));
    return { token, weight, length, size: weight * length };
  });
}
