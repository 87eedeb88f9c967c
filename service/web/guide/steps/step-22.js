/**
 * Step 22: the readout, the one row that the head sees; or the mean that a norm will make it of.
 */

import { make } from "../../element.js";
import { lifted } from "../lifted.js";
import { number, percent } from "../number.js";
import { partOf, pooledOf } from "../readout.js";
import { section } from "../section.js";
import { vector } from "../vector.js";

/** @typedef {import("../step.js").Scene} Scene */

const TERMS = 6;

/** @type {import("../step.js").Step} */
export default {
  id: "22",

  needs: (_, { architecture: { normAfterPooling, depth } }) => (normAfterPooling
    ? { whole: ["pooled", "readout", "readout_attention"], layer: ["output"], at: { layer: depth - 1 } }
    : { whole: ["norm", "readout", "readout_attention"] }),

  draw(scene) {
    const { root, text, facts, go } = scene;
    const { parts, reading, normAfterPooling } = facts.architecture;
    const isTaken = (/** @type {number} */ row) => parts.some(({ from, to }) => from <= row && row < to);
    const { rows, result, name } = madeOf(scene);
    const feature = featureOf(scene);
    const label = text(normAfterPooling ? "step22_matrix_before_norm" : `step22_matrix_${reading}`);
    const strip = vector(scene, {
      values: result.data,
      label: text(name === "r" ? "step22_readout" : "step22_pooled"),
      name: (index) => text("answer_feature", { feature: index }),
      signed: true,
      focus: feature,
      onPick: (index) => go({ cell: [0, index] }),
    });
    const lift = text(normAfterPooling ? "step22_row_before_norm" : `step22_row_${reading}`, sizes(facts));
    const column = feature % facts.architecture.width;
    root.append(
      make("p", "", text(facts.architecture.classTokens ? `step22_${reading}` : "step22_mean_alone", sizes(facts))),
      make(
        "div",
        "lift",
        make("figure", scene.isNew ? "rising" : "", make("figcaption", "", lift), strip),
        make("figure", "", lifted(scene, { tensor: rows, isTaken, feature: column, label }), make("figcaption", "", label)),
      ),
      make("p", "formula", formula(scene, feature)),
      ...(normAfterPooling ? [make("p", "note", text("step22_norm_after"))] : []),
      section(text("step22_own_heading"), make("p", "own-patch", ownPatch(scene))),
    );
  },

  shapes(scene) {
    const { rows, result, name, of } = madeOf(scene);
    return [
      { name: of, what: of === "Y" ? "step22_shape_norm" : "step22b_shape_before", shape: rows.shape },
      { name, what: name === "r" ? "step22_shape_readout" : "step22_shape_pooled", shape: result.shape },
    ];
  },

  check(scene) {
    const { architecture } = scene.facts;
    const feature = featureOf(scene);
    const { part, column } = partOf(architecture, feature);
    const { rows, result, of } = madeOf(scene);
    return {
      formula: part.kind === "mean" ? `Σ ${of}[i, ${column}] / ${architecture.patches}` : `${of}[${part.from}, ${column}]`,
      recomputed: pooledOf(part, (row) => rows.at(row, column)),
      sent: result.at(feature),
    };
  },
};

/**
 * Gives the tokens that are read out, what they become, and how formulas call both.
 * @param {Scene} scene
 */
function madeOf({ tensors, facts: { architecture } }) {
  const { norm, output, pooled, readout } = tensors;
  if (architecture.normAfterPooling) return { rows: output, result: pooled, name: "m", of: "X" };
  return { rows: norm, result: readout, name: "r", of: "Y" };
}

/** @param {Scene} scene */
function featureOf({ view, tensors }) {
  const feature = view.cell?.[1] ?? 0;
  return feature < tensors.readout.shape[0] ? feature : 0;
}

/** @param {import("../facts.js").Facts} facts */
function sizes({ architecture: { tokens, patches, width, parts } }) {
  const others = tokens - parts.reduce((sum, { from, to }) => sum + to - from, 0);
  return { tokens, others, patches, width, all: width * parts.length };
}

/**
 * Writes how the followed feature comes about.
 * @param {Scene} scene
 * @param {number} feature
 */
function formula(scene, feature) {
  const { architecture } = scene.facts;
  const { part, column } = partOf(architecture, feature);
  const { rows, result, name, of } = madeOf(scene);
  const value = number(result.at(feature));
  if (part.kind !== "mean") return `${name}[${feature}] = ${of}[${part.from}, ${column}] = ${value}`;
  const { patches, prefix } = architecture;
  const terms = Array.from({ length: Math.min(TERMS, patches) }, (_, patch) => number(rows.at(prefix + patch, column)));
  const rest = patches > TERMS ? " + …" : "";
  return `${name}[${feature}] = (${terms.join(" + ")}${rest}) / ${patches} = ${value}`;
}

/**
 * Says what of the pinned patch reaches the readout.
 * @param {Scene} scene
 */
function ownPatch({ facts: { architecture }, tensors, text, view }) {
  const { patches, tokens, reading } = architecture;
  const { readout_attention: attention } = tensors;
  const [layers, heads] = attention.shape;
  let share = 0;
  for (let head = 0; head < heads; head += 1) share += attention.at(layers - 1, head, view.patch) / heads;
  return text(`step22_own_${reading}`, {
    patch: architecture.nameOfPatch(view.patch), patches, share: percent(share, 2), even: percent(1 / tokens, 2),
  });
}
