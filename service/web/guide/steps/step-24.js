/**
 * Step 24: the loss of the right label, its gradient, and how this model was trained.
 */

import { make } from "../../element.js";
import { classChoice } from "../class_choice.js";
import { confusionOf } from "../confusion.js";
import { gradientOf, logSumExp, lossOf, ranked } from "../cross_entropy.js";
import { descent } from "../descent.js";
import { gradientTable } from "../gradient_table.js";
import { lossCurve } from "../loss_curve.js";
import { number, percent } from "../number.js";
import { section } from "../section.js";
import { testMetrics, testSaid, trainingCurves } from "../training.js";

/** @typedef {import("../step.js").Scene} Scene */

const MOST_POINTS = 10;

/** @type {import("../step.js").Step} */
export default {
  id: "24",

  needs: () => ({ whole: ["logits", "probabilities"] }),

  draw(scene) {
    const { root, view, text, go } = scene;
    const onPick = (/** @type {number} */ label) => go({ label });
    root.append(
      classChoice(scene, { legend: text("step24_legend"), picked: view.label, onPick }),
      section(text("step24_loss_heading"), ...lossOfLabel(scene)),
    );
    if (view.label !== null) {
      root.append(section(text("step24_gradient_heading"), ...gradientOfLabel(scene, view.label)));
    }
    root.append(section(text("step24_training_heading"), ...training(scene)));
  },

  shapes: ({ facts }) => [
    { name: "z", what: "step24_shape_logits", shape: [facts.labels.length] },
    { name: "p − y", what: "step24_shape_gradient", shape: [facts.labels.length] },
    { name: "L", what: "step24_shape_loss", shape: [1] },
  ],

  check({ view, facts, tensors }) {
    const logits = tensors.logits.data;
    const label = view.label ?? ranked(logits)[0];
    return {
      formula: `log Σ exp(z) − z[${facts.labels[label]}]`,
      recomputed: lossOf(logits, label),
      sent: -Math.log(tensors.probabilities.data[label]),
      terms: [
        { label: "log Σ exp(z)", value: logSumExp(logits) },
        { label: `−z[${facts.labels[label]}]`, value: -logits[label] },
      ],
    };
  },
};

/** @param {Scene} scene */
function lossOfLabel(scene) {
  const { facts, tensors, text, view } = scene;
  const { labels } = facts;
  const logits = tensors.logits.data;
  const mean = testMetrics(facts)?.log_loss;
  const shown = new Set([...ranked(logits).slice(0, MOST_POINTS), ...(view.label === null ? [] : [view.label])]);
  const points = [...shown]
    .map((index) => ({ loss: lossOf(logits, index), name: labels[index], kind: index === view.label ? "own" : "other" }))
    .concat(mean === undefined ? [] : [{ loss: mean, name: text("step24_mean"), kind: "mean" }]);
  const curve = lossCurve(scene, {
    points: /** @type {import("../loss_curve.js").Point[]} */ (points),
    label: text("step24_curve_label", { points: points.map(({ name, loss }) => `${name} ${number(loss)}`).join(", ") }),
  });
  if (view.label === null) return [make("p", "", text("step24_unnamed")), curve];
  const loss = lossOf(logits, view.label);
  const share = tensors.probabilities.data[view.label];
  const said = make("data", "", number(loss));
  said.value = String(loss);
  const formula = make("p", "loss", `L = −log p = −log ${percent(share)} = `, said);
  const words = { label: labels[view.label], share: percent(share), loss: number(loss) };
  return [formula, make("p", "", text("step24_loss", words)), curve];
}

/**
 * @param {Scene} scene
 * @param {number} label
 */
function gradientOfLabel(scene, label) {
  const { tensors, text } = scene;
  const logits = tensors.logits.data;
  const gradient = gradientOf(logits, label);
  return [
    make("p", "", text("step24_gradient")),
    gradientTable(scene, { probabilities: tensors.probabilities.data, gradient, label }),
    descent(scene, { logits, label }),
  ];
}

/** @param {Scene} scene */
function training(scene) {
  const { facts, tensors, view } = scene;
  const confusion = testMetrics(facts)?.confusion;
  const loss = view.label === null ? null : lossOf(tensors.logits.data, view.label);
  const parts = [testSaid(scene, loss), trainingCurves(scene)];
  if (confusion) {
    const label = view.label ?? ranked(tensors.logits.data)[0];
    parts.push(confusionOf(scene, { confusion, label }));
  }
  return parts;
}
