/**
 * Step 13: the same for every token, as one product of matrices.
 */

import { make } from "../../element.js";
import { flow } from "../arrows.js";
import { cellOf, pinnedToken, strongest } from "../cell.js";
import { columnOf, dot } from "../dot.js";
import { dotProduct } from "../sum.js";
import { pairMatrix, tokenMatrix } from "../token_matrix.js";
import { vector } from "../vector.js";

/** @typedef {import("../step.js").Scene} Scene */

/** @param {Scene} scene */
function focusOf(scene) {
  const mine = pinnedToken(scene);
  const { context } = scene.tensors;
  return cellOf(scene.view, context.shape, [mine, strongest(context.row(mine))]);
}

/** @type {import("../step.js").Step} */
export default {
  id: "13",
  byLayer: true,
  byHead: true,
  needs: () => ({ head: ["attention", "value", "context"] }),
  draw(scene) {
    const { root, facts, text, go } = scene;
    const { attention, value, context } = scene.tensors;
    const [token, feature] = focusOf(scene);
    const top = strongest(attention.row(token));
    root.append(
      flow([
        pairMatrix(scene, {
          tensor: attention, label: "A", signed: false, focus: [token, top], maxHeight: 280,
          onPick: (i) => go({ cell: [i, feature] }),
        }),
        "×",
        tokenMatrix(scene, {
          tensor: value, label: "V", hue: "value", focus: [top, feature],
          onPick: (_, j) => go({ cell: [token, j] }),
        }),
        "=",
        tokenMatrix(scene, { tensor: context, label: "O", focus: [token, feature] }),
      ]),
      make("h3", "", text("step13_row", { token: facts.architecture.nameOfToken(token) })),
      vector(scene, {
        values: context.row(token), label: `O[${token}]`, signed: true, focus: feature,
        name: (j) => text("feature", { feature: j }),
        onPick: (j) => go({ cell: [token, j] }),
      }),
      dotProduct(scene, {
        left: { name: `A[${token}]`, values: attention.row(token) },
        right: { name: `V[·, ${feature}]`, values: columnOf(value, feature) },
        total: context.at(token, feature),
        termName: (key) => facts.architecture.nameOfToken(key),
      }),
    );
  },
  shapes: ({ tensors: { attention, value, context } }) => [
    { name: "A", what: "shape_attention", shape: attention.shape },
    { name: "V", what: "shape_value", shape: value.shape },
    { name: "O", what: "shape_context", shape: context.shape },
  ],
  check(scene) {
    const { attention, value, context } = scene.tensors;
    const [token, feature] = focusOf(scene);
    return {
      formula: `O[${token}, ${feature}] = Σ A[${token}, j] · V[j, ${feature}]`,
      recomputed: dot(attention.row(token), columnOf(value, feature)),
      sent: context.at(token, feature),
    };
  },
};
