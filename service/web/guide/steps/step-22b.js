/**
 * Step 22b: the final norm, after the last layer.
 */

import { make } from "../../element.js";
import { cellOf } from "../cell.js";
import { layerNorm, normCheck } from "../layer_norm.js";
import { matrix } from "../matrix.js";
import { section } from "../section.js";

/** @typedef {import("../step.js").Scene} Scene */

/** @type {import("../step.js").Step} */
export default {
  id: "22b",

  needs: (_, { architecture }) => ({
    whole: ["norm", "norm_weight", "norm_bias"],
    layer: ["output"],
    at: { layer: architecture.depth - 1 },
  }),

  draw(scene) {
    const { root, text, facts, go } = scene;
    const { token, feature, norm } = followed(scene);
    const { output, norm: normed } = scene.tensors;
    const words = { token: facts.architecture.nameOfToken(token), feature };
    const tables = [[output, "step22b_before"], [normed, "step22b_after"]].map(([tensor, key]) =>
      matrix(scene, {
        tensor: /** @type {import("../tensor.js").Tensor} */ (tensor),
        label: text(/** @type {string} */ (key)),
        caption: text(/** @type {string} */ (key)),
        rowName: (index) => facts.architecture.nameOfToken(index),
        columnName: (index) => text("answer_feature", { feature: index }),
        rows: "tokens",
        signed: true,
        focus: [token, feature],
        onPick: (row, column) => go({ cell: [row, column] }),
      }),
    );
    root.append(
      make("div", "side-by-side", ...tables),
      section(text("step22b_heading", words), layerNorm(scene, norm)),
    );
  },

  shapes: ({ tensors }) => [
    { name: "X", what: "step22b_shape_before", shape: tensors.output.shape },
    { name: "γ, β", what: "step22b_shape_learned", shape: tensors.norm_weight.shape },
    { name: "Y", what: "step22b_shape_after", shape: tensors.norm.shape },
  ],

  check: (scene) => normCheck(followed(scene).norm, scene.facts.architecture.normEpsilon),
};

/**
 * Gives the token and feature that are followed: at first the class token's, since it is read.
 * @param {Scene} scene
 */
function followed({ view, facts, tensors }) {
  const { output, norm, norm_weight, norm_bias } = tensors;
  const { architecture } = facts;
  const first = architecture.readsClassToken ? 0 : architecture.tokenOf(view.patch);
  const [token, feature] = cellOf(view, norm.shape, [first, 0]);
  const rows = { before: output.row(token), after: norm.row(token) };
  return { token, feature, norm: { ...rows, gamma: norm_weight.data, beta: norm_bias.data, feature } };
}
