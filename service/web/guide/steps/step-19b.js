/**
 * Step 19b: the norm before the feed-forward, for one token.
 */

import { make } from "../../element.js";
import { cellOf, pinnedToken, strongest } from "../cell.js";
import { layerNorm, normCheck } from "../layer_norm.js";
import { tokenMatrix } from "../token_matrix.js";

/** @typedef {import("../step.js").Scene} Scene */

const TALL = 260; // CSS pixels

/** @param {Scene} scene */
function focusOf(scene) {
  const mine = pinnedToken(scene);
  const { norm2 } = scene.tensors;
  return cellOf(scene.view, norm2.shape, [mine, strongest(norm2.row(mine))]);
}

/** @param {Scene} scene */
function normOf(scene) {
  const [token, feature] = focusOf(scene);
  const { attended, norm2, norm2_weight: weight, norm2_bias: bias } = scene.tensors;
  const rows = { before: attended.row(token), after: norm2.row(token) };
  return { ...rows, gamma: weight.data, beta: bias.data, feature };
}

/** @type {import("../step.js").Step} */
export default {
  id: "19b",
  byLayer: true,
  needs: () => ({ layer: ["attended", "norm2", "norm2_weight", "norm2_bias"] }),
  draw(scene) {
    const { root, tensors, facts, text } = scene;
    const focus = focusOf(scene);
    const token = facts.architecture.nameOfToken(focus[0]);
    /** @param {string} label @param {string} key @param {import("../tensor.js").Tensor} tensor */
    const shown = (label, key, tensor) =>
      tokenMatrix(scene, { tensor, label, caption: text(key), focus, tall: TALL });
    root.append(
      make("h3", "", text("step19b_token", { token })),
      layerNorm(scene, normOf(scene)),
      make(
        "div",
        "two-up",
        shown("h", "step19b_before", tensors.attended),
        shown("LN(h)", "step19b_after", tensors.norm2),
      ),
    );
  },
  shapes: ({ tensors }) => [
    { name: "h", what: "block_shape_attended", shape: tensors.attended.shape },
    { name: "LN(h)", what: "block_shape_norm2", shape: tensors.norm2.shape },
  ],
  check: (scene) => normCheck(normOf(scene), scene.facts.architecture.normEpsilon),
};
