/**
 * Step 22b: the final norm, of every token after the last layer, or of the mean of the patches.
 */

import { make } from "../../element.js";
import { cellOf } from "../cell.js";
import { layerNorm, normCheck } from "../layer_norm.js";
import { matrix } from "../matrix.js";
import { nameOfNorm } from "../readout.js";
import { section } from "../section.js";
import { vector } from "../vector.js";

/** @typedef {import("../step.js").Scene} Scene */

/** @type {import("../step.js").Step} */
export default {
  id: "22b",

  wording: ({ architecture }) => (architecture.normAfterPooling ? { text: "step22b_text_after" } : null),

  needs(_, { architecture }) {
    const norm = nameOfNorm(architecture);
    const whole = [`${norm}_weight`, `${norm}_bias`];
    if (architecture.normAfterPooling) return { whole: ["pooled", "readout", ...whole] };
    return { whole: ["norm", ...whole], layer: ["output"], at: { layer: architecture.depth - 1 } };
  },

  draw(scene) {
    const { root, text, facts: { architecture } } = scene;
    const { token, feature, norm } = followed(scene);
    const words = { token: token === null ? "" : architecture.nameOfToken(token), feature };
    const heading = token === null ? "step22b_heading_after" : "step22b_heading";
    const tables = token === null ? vectors(scene, feature) : matrices(scene, token, feature);
    root.append(
      make("div", token === null ? "" : "side-by-side", ...tables),
      section(text(heading, words), layerNorm(scene, norm)),
    );
  },

  shapes({ tensors, facts: { architecture } }) {
    const isAfter = architecture.normAfterPooling;
    const [before, after] = isAfter ? [tensors.pooled, tensors.readout] : [tensors.output, tensors.norm];
    return [
      { name: isAfter ? "m" : "X", what: isAfter ? "step22_shape_pooled" : "step22b_shape_before", shape: before.shape },
      { name: "γ, β", what: "step22b_shape_learned", shape: tensors[`${nameOfNorm(architecture)}_weight`].shape },
      { name: isAfter ? "r" : "Y", what: isAfter ? "step22_shape_readout" : "step22b_shape_after", shape: after.shape },
    ];
  },

  check: (scene) => normCheck(followed(scene).norm, scene.facts.architecture.normEpsilon),
};

/**
 * Draws all tokens before and after the norm.
 * @param {Scene} scene
 * @param {number} token
 * @param {number} feature
 */
function matrices(scene, token, feature) {
  const { text, facts: { architecture }, tensors: { output, norm }, go } = scene;
  return [{ tensor: output, key: "step22b_before" }, { tensor: norm, key: "step22b_after" }].map(({ tensor, key }) =>
    matrix(scene, {
      tensor,
      label: text(key),
      caption: text(key),
      rowName: (index) => architecture.nameOfToken(index),
      columnName: (index) => text("answer_feature", { feature: index }),
      rows: "tokens",
      signed: true,
      focus: [token, feature],
      onPick: (row, column) => go({ cell: [row, column] }),
    }),
  );
}

/**
 * Draws the mean of the patches, and the readout that the norm makes of it.
 * @param {Scene} scene
 * @param {number} feature
 */
function vectors(scene, feature) {
  const { text, tensors: { pooled, readout }, go } = scene;
  return [{ tensor: pooled, key: "step22_pooled" }, { tensor: readout, key: "step22_readout" }].map(({ tensor, key }) =>
    make("figure", "", make("figcaption", "", text(key)), vector(scene, {
      values: tensor.data,
      label: text(key),
      name: (index) => text("answer_feature", { feature: index }),
      signed: true,
      focus: feature,
      onPick: (index) => go({ cell: [0, index] }),
    })),
  );
}

/**
 * Gives the token and feature that are followed: at first the class token's, if it is read. Where the
 * mean is normed, there is no token.
 * @param {Scene} scene
 * @returns {{token: number | null, feature: number, norm: import("../layer_norm.js").Norm}}
 */
function followed({ view, facts: { architecture }, tensors }) {
  const { output, norm, pooled, readout } = tensors;
  const name = nameOfNorm(architecture);
  const learned = { gamma: tensors[`${name}_weight`].data, beta: tensors[`${name}_bias`].data };
  if (architecture.normAfterPooling) {
    const [, feature] = cellOf(view, [Infinity, readout.shape[0]], [0, 0]);
    const rows = { before: pooled.data, after: readout.data, what: "step22b_before_after" };
    return { token: null, feature, norm: { ...rows, ...learned, feature } };
  }
  const first = architecture.parts[0].kind === "class" ? 0 : architecture.tokenOf(view.patch);
  const [token, feature] = cellOf(view, norm.shape, [first, 0]);
  return { token, feature, norm: { before: output.row(token), after: norm.row(token), ...learned, feature } };
}
