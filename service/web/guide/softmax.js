/**
 * Softmax, in double precision.
 */

/**
 * Gives the shares of scores, which sum to 1.
 * @param {ArrayLike<number>} scores
 * @returns {Float64Array}
 */
export function softmaxOf(scores) {
  let most = -Infinity;
  for (let at = 0; at < scores.length; at++) most = Math.max(most, scores[at]);
  const powers = Float64Array.from(scores, (score) => Math.exp(score - most)); // no overflow
  const sum = sumOf(powers);
  return powers.map((power) => power / sum);
}

/**
 * Gives the sum of numbers.
 * @param {ArrayLike<number>} values
 * @returns {number}
 */
export function sumOf(values) {
  let sum = 0;
  for (let at = 0; at < values.length; at++) sum += values[at];
  return sum;
}
