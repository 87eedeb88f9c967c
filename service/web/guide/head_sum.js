/**
 * A class's logit, or the difference of two, summed over the readout's features.
 */

import { make } from "../element.js";
import { number, signed } from "./number.js";
import { dotProduct } from "./sum.js";
import { vector } from "./vector.js";

/**
 * `left` is the readout; `right` is the class's row of weights, less that of the class it is held
 * against.
 * @typedef {{left: Float64Array, right: Float64Array, bias: number, total: number}} HeadSum
 */

/**
 * @param {Record<string, import("./tensor.js").Tensor>} tensors head_weight has a row for each class
 * @param {import("./explained.js").Asked} asked
 * @returns {HeadSum}
 */
export function headSum({ readout, head_weight, head_bias, logits }, { target, versus }) {
  const less = (/** @type {ArrayLike<number>} */ values) =>
    values[target] - (versus === null ? 0 : values[versus]);
  const right = Float64Array.from(head_weight.row(0));
  if (versus !== null) head_weight.row(1).forEach((weight, index) => (right[index] -= weight));
  const [bias, total] = [less(head_bias.data), less(logits.data)];
  return { left: Float64Array.from(readout.data), right, bias, total };
}

/**
 * @param {HeadSum} sum
 * @returns {Float64Array} what each feature adds
 */
export function contributionsOf({ left, right }) {
  return left.map((value, index) => value * right[index]);
}

/**
 * @param {import("./step.js").Scene} scene
 * @param {import("./explained.js").Asked} asked
 * @returns {HTMLElement[]}
 */
export function drawHeadSum(scene, asked) {
  const { facts, tensors, text } = scene;
  const [label, versus] = [asked.target, asked.versus ?? -1].map((index) => facts.labels[index] ?? "");
  const isAlone = asked.versus === null;
  const sum = headSum(tensors, asked);
  const contributions = contributionsOf(sum);
  const strip = vector(scene, {
    values: Float32Array.from(contributions),
    label: text("step23_contributions"),
    name: (index) => text("step23_feature", { feature: index }),
    signed: true,
  });
  const { parts, width } = facts.architecture;
  const halves = parts.map((_, part) =>
    signed(contributions.subarray(part * width, (part + 1) * width).reduce((all, one) => all + one, 0)));
  const words = { label, versus, total: signed(sum.total), difference: number(sum.total), odds: number(Math.exp(sum.total)) };
  const weights = isAlone ? `W[${label}]` : `W[${label}] − W[${versus}]`;
  return [
    make("p", "", text(isAlone ? "step23_sum" : "step23_difference", words)),
    make("figure", "", make("figcaption", "", text("step23_contributions")), strip),
    ...(parts.length > 1
      ? [make("p", "", text(`step23_parts_${facts.architecture.reading}`, { first: halves[0], second: halves[1], last: width - 1 }))]
      : []),
    dotProduct(scene, {
      left: { name: "r", values: sum.left },
      right: { name: weights, values: sum.right },
      bias: sum.bias,
      total: sum.total,
    }),
  ];
}
