/**
 * Step 8b: the norm before attention, for one token.
 */

import { make } from "../../element.js";
import { cellOf, pinnedToken, strongest } from "../cell.js";
import { layerNorm, normCheck } from "../layer_norm.js";
import { section } from "../section.js";
import { tokenMatrix } from "../token_matrix.js";

/** @typedef {import("../step.js").Scene} Scene */

/** @param {Scene} scene */
function focusOf(scene) {
  const mine = pinnedToken(scene);
  const { norm1 } = scene.tensors;
  return cellOf(scene.view, norm1.shape, [mine, strongest(norm1.row(mine))]);
}

/** @param {Scene} scene */
function normOf(scene) {
  const [token, feature] = focusOf(scene);
  const { tokens, norm1, norm1_weight: weight, norm1_bias: bias } = scene.tensors;
  const rows = { before: tokens.row(token), after: norm1.row(token) };
  return { ...rows, gamma: weight.data, beta: bias.data, feature };
}

/** @type {import("../step.js").Step} */
export default {
  id: "8b",
  byLayer: true,
  needs: () => ({ layer: ["tokens", "norm1", "norm1_weight", "norm1_bias"] }),
  draw(scene) {
    const { root, tensors, facts, text } = scene;
    const focus = focusOf(scene);
    const token = facts.architecture.nameOfToken(focus[0]);
    const twins = make(
      "div",
      "twins",
      tokenMatrix(scene, { tensor: tensors.tokens, label: "X", caption: text("step8b_before"), focus }),
      tokenMatrix(scene, { tensor: tensors.norm1, label: "LN(X)", caption: text("step8b_after"), focus }),
    );
    root.append(
      section(text("step8b_token", { token }), layerNorm(scene, normOf(scene))),
      section(text("step8b_all"), twins),
    );
  },
  shapes: ({ tensors }) => [
    { name: "X", what: "shape_tokens", shape: tensors.tokens.shape },
    { name: "LN(X)", what: "shape_norm1", shape: tensors.norm1.shape },
  ],
  check: (scene) => normCheck(normOf(scene), scene.facts.architecture.normEpsilon),
};
