/**
 * Step 23: the fully connected head, softmax, and what a class rests on.
 */

import { make } from "../../element.js";
import { classSearch } from "../class_search.js";
import { ranked } from "../cross_entropy.js";
import { explanationOf } from "../explanation.js";
import { contributionsOf, drawHeadSum, headSum } from "../head_sum.js";
import { ledger } from "../ledger.js";
import { number, percent } from "../number.js";
import { opponentChoice } from "../opponent.js";
import { section } from "../section.js";

/**
 * @typedef {import("../step.js").Scene} Scene
 * @typedef {import("../explained.js").Asked} Asked
 */

const MOST_ROWS = 10;

/**
 * Gives the class picked, or the predicted one, and the class it is held against.
 * @param {import("../view.js").View} view
 * @param {import("../facts.js").Facts} facts
 * @returns {Asked}
 */
function askedIn({ label, cell }, { labels, probabilities }) {
  const target = label ?? ranked(probabilities.data)[0];
  const isPair = cell !== null && cell[0] === target && cell[1] !== target && cell[1] < labels.length;
  return { target, versus: isPair ? cell[1] : null };
}

/** @type {import("../step.js").Step} */
export default {
  id: "23",
  keepsCell: true,

  needs(view, facts) {
    const { target, versus } = askedIn(view, facts);
    const rows = versus === null ? [target] : [target, versus];
    const whole = ["readout", "logits", "probabilities", "head_bias"];
    return { whole, units: { head_weight: rows } };
  },

  draw(scene) {
    const { root, facts, text, go, view } = scene;
    const asked = askedIn(view, facts);
    const label = facts.labels[asked.target];
    const against = asked.versus === null ? "" : facts.labels[asked.versus];
    const choice = opponentChoice(scene, asked, (versus) =>
      go({ label: asked.target, cell: versus === null ? null : [asked.target, versus] }),
    );
    const sumHeading = asked.versus === null ? "step23_sum_heading" : "step23_difference_heading";
    root.append(
      section(text("step23_classes_heading"), ...classes(scene, asked)),
      section(text("step23_map_heading", { label }), choice, explanationOf(scene, asked)),
      section(text(sumHeading, { label, versus: against }), ...drawHeadSum(scene, asked)),
    );
  },

  shapes: ({ facts, tensors }) => {
    const [count, width] = [facts.labels.length, tensors.readout.shape[0]];
    return [
      { name: "r", what: "step23_shape_readout", shape: [width] },
      { name: "W", what: "step23_shape_weight", shape: [count, width] },
      { name: "z", what: "step23_shape_logits", shape: [count] },
      { name: "p", what: "step23_shape_probabilities", shape: [count] },
    ];
  },

  check({ view, facts, tensors }) {
    const { target } = askedIn(view, facts);
    const sum = headSum(tensors, { target, versus: null });
    const label = facts.labels[target];
    return {
      formula: `r · W[${label}] + b[${label}]`,
      recomputed: contributionsOf(sum).reduce((all, term) => all + term, sum.bias),
      sent: sum.total,
    };
  },
};

/**
 * @param {Scene} scene
 * @param {Asked} asked
 */
function classes(scene, { target, versus }) {
  const { facts, tensors, text, go } = scene;
  const [logits, probabilities] = [tensors.logits, tensors.probabilities].map(({ data }) => Array.from(data));
  const onPick = (/** @type {number} */ label) => go({ label, cell: null });
  const sum = logits.reduce((all, logit) => all + Math.exp(logit), 0);
  const words = {
    label: facts.labels[target],
    power: number(Math.exp(logits[target])),
    sum: number(sum),
    share: percent(Math.exp(logits[target]) / sum, 2),
    count: facts.labels.length,
    total: number(probabilities.reduce((all, one) => all + one, 0)),
  };
  const isAll = facts.labels.length <= MOST_ROWS;
  const hint = text(isAll ? "step23_all" : "step23_best", { shown: MOST_ROWS, all: facts.labels.length });
  const parts = [
    make("p", "muted", hint),
    ledger(scene, { logits, probabilities, picked: target, versus, onPick }),
    make("p", "", text("step23_softmax", words)),
  ];
  if (!isAll) parts.splice(2, 0, classSearch(scene, { label: text("answer_search"), onPick }));
  return parts;
}
