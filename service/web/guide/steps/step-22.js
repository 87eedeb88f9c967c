/**
 * Step 22: the readout, the one row that the head sees.
 */

import { make } from "../../element.js";
import { lifted } from "../lifted.js";
import { number, percent } from "../number.js";
import { section } from "../section.js";
import { vector } from "../vector.js";

/** @typedef {import("../step.js").Scene} Scene */

const TERMS = 6;

/** @type {import("../step.js").Step} */
export default {
  id: "22",

  needs: () => ({ whole: ["norm", "readout", "readout_attention"] }),

  draw(scene) {
    const { root, text, facts, tensors, go } = scene;
    const { readsClassToken, prefix } = facts.architecture;
    const { norm, readout } = tensors;
    const isTaken = (/** @type {number} */ row) => (readsClassToken ? row === 0 : row >= prefix);
    const way = readsClassToken ? "class" : "mean";
    const label = text(`step22_matrix_${way}`);
    const feature = featureOf(scene);
    const strip = vector(scene, {
      values: readout.data,
      label: text("step22_readout"),
      name: (index) => text("answer_feature", { feature: index }),
      signed: true,
      focus: feature,
      onPick: (index) => go({ cell: [0, index] }),
    });
    root.append(
      make("p", "", text(`step22_${way}`, sizes(facts))),
      make(
        "div",
        "lift",
        make("figure", scene.isNew ? "rising" : "", make("figcaption", "", text(`step22_row_${way}`, sizes(facts))), strip),
        make("figure", "", lifted(scene, { tensor: norm, isTaken, feature, label }), make("figcaption", "", label)),
      ),
      make("p", "formula", formula(scene, feature)),
      section(text("step22_own_heading"), make("p", "own-patch", ownPatch(scene))),
    );
  },

  shapes: ({ tensors }) => [
    { name: "Y", what: "step22_shape_norm", shape: tensors.norm.shape },
    { name: "r", what: "step22_shape_readout", shape: tensors.readout.shape },
  ],

  check(scene) {
    const { facts, tensors } = scene;
    const feature = featureOf(scene);
    const { readsClassToken, patches, prefix } = facts.architecture;
    const { norm, readout } = tensors;
    const sent = readout.at(feature);
    if (readsClassToken) return { formula: `Y[0, ${feature}]`, recomputed: norm.at(0, feature), sent };
    const recomputed = meanOf(norm, prefix, feature);
    return { formula: `Σ Y[i, ${feature}] / ${patches}`, recomputed, sent };
  },
};

/** @param {Scene} scene */
function featureOf({ view, tensors }) {
  const feature = view.cell?.[1] ?? 0;
  return feature < tensors.readout.shape[0] ? feature : 0;
}

/** @param {import("../facts.js").Facts} facts */
function sizes({ architecture }) {
  return { tokens: architecture.tokens, others: architecture.tokens - 1, patches: architecture.patches, width: architecture.width };
}

/**
 * @param {import("../tensor.js").Tensor} norm
 * @param {number} prefix
 * @param {number} feature
 */
function meanOf(norm, prefix, feature) {
  let sum = 0;
  for (let row = prefix; row < norm.shape[0]; row += 1) sum += norm.at(row, feature);
  return sum / (norm.shape[0] - prefix);
}

/**
 * Writes how the followed feature of the readout comes about.
 * @param {Scene} scene
 * @param {number} feature
 */
function formula({ facts, tensors }, feature) {
  const { norm, readout } = tensors;
  const { readsClassToken, prefix, patches } = facts.architecture;
  const result = number(readout.at(feature));
  if (readsClassToken) return `r[${feature}] = Y[0, ${feature}] = ${result}`;
  const terms = Array.from({ length: Math.min(TERMS, patches) }, (_, patch) => number(norm.at(prefix + patch, feature)));
  const rest = patches > TERMS ? " + …" : "";
  return `r[${feature}] = (${terms.join(" + ")}${rest}) / ${patches} = ${result}`;
}

/**
 * Says what of the pinned patch reaches the readout.
 * @param {Scene} scene
 */
function ownPatch({ facts, tensors, text, view }) {
  const { architecture } = facts;
  const patch = architecture.nameOfPatch(view.patch);
  if (!architecture.readsClassToken) return text("step22_own_mean", { patch, patches: architecture.patches });
  const { readout_attention: attention } = tensors;
  const [layers, heads] = attention.shape;
  let share = 0;
  for (let head = 0; head < heads; head += 1) share += attention.at(layers - 1, head, view.patch) / heads;
  return text("step22_own_class", { patch, share: percent(share, 2), even: percent(1 / architecture.tokens, 2) });
}
