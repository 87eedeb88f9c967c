/**
 * Cross-entropy in float64: probabilities, the loss of a label, and its gradient.
 */

/**
 * @param {ArrayLike<number>} logits
 * @returns {number} log of the sum of e^logit, without overflow
 */
export function logSumExp(logits) {
  const highest = largest(logits);
  let sum = 0;
  for (let index = 0; index < logits.length; index += 1) sum += Math.exp(logits[index] - highest);
  return highest + Math.log(sum);
}

/**
 * @param {ArrayLike<number>} logits
 * @returns {Float64Array} one share a class, together 1
 */
export function softmax(logits) {
  const total = logSumExp(logits);
  return Float64Array.from(logits, (logit) => Math.exp(logit - total));
}

/**
 * @param {ArrayLike<number>} logits
 * @param {number} label
 * @returns {number} -log p of the label, in nats
 */
export function lossOf(logits, label) {
  return logSumExp(logits) - logits[label];
}

/**
 * @param {ArrayLike<number>} logits
 * @param {number} label
 * @returns {Float64Array} the loss's gradient at the logits: p - onehot
 */
export function gradientOf(logits, label) {
  const gradient = softmax(logits);
  gradient[label] -= 1;
  return gradient;
}

/**
 * @param {ArrayLike<number>} logits
 * @param {number} label
 * @param {number} size of the step
 * @returns {Float64Array} the logits after one step against the gradient
 */
export function stepped(logits, label, size) {
  return gradientOf(logits, label).map((slope, index) => logits[index] - size * slope);
}

/**
 * @param {ArrayLike<number>} values
 * @returns {number[]} indexes, the largest value first
 */
export function ranked(values) {
  return Array.from(values, (_, index) => index).sort((one, other) => values[other] - values[one]);
}

/** @param {ArrayLike<number>} values */
function largest(values) {
  let highest = -Infinity;
  for (let index = 0; index < values.length; index += 1) highest = Math.max(highest, values[index]);
  return highest;
}
