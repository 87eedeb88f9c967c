/**
 * Step 13: the same for every token, as one product of matrices.
 */

import { make } from "../../element.js";
import { cellOf, pinnedToken, strongest } from "../cell.js";
import { columnOf, dot } from "../dot.js";
import { framedLine } from "../line_frame.js";
import { section } from "../section.js";
import { dotProduct } from "../sum.js";
import { pairMatrix, shortNames, tokenMatrix } from "../token_matrix.js";

/** @typedef {import("../step.js").Scene} Scene */

const HEIGHT = 270; // CSS pixels; the three stand as in a product: V above O, A beside it

/** @param {Scene} scene */
function focusOf(scene) {
  const mine = pinnedToken(scene);
  const { context } = scene.tensors;
  return cellOf(scene.view, context.shape, [mine, strongest(context.row(mine))]);
}

/** @param {Scene} scene */
function product(scene) {
  const { text, go } = scene;
  const { attention, value, context } = scene.tensors;
  const [token, feature] = focusOf(scene);
  const { tokens } = scene.facts.architecture;
  const top = strongest(attention.row(token));
  const left = pairMatrix(scene, {
    tensor: attention, label: "A", caption: text("step13_A"), signed: false, columns: null,
    axes: ["", text("axis_tokens")], focus: [token, top],
    maxHeight: HEIGHT, onPick: (i) => go({ cell: [i, feature] }),
  });
  const right = tokenMatrix(scene, {
    tensor: value, label: "V", caption: text("step13_V"), hue: "value", focus: [top, feature], maxHeight: HEIGHT,
    onPick: (_, j) => go({ cell: [token, j] }),
  });
  const result = tokenMatrix(scene, {
    tensor: context, label: "O", caption: text("step13_O"), focus: [token, feature], maxHeight: HEIGHT,
  });
  return make(
    "div",
    "product-of-two",
    make("div", "operation", make("p", "formula", "O = A V"), make("p", "muted", text("step13_how"))),
    framedLine(right, "column", feature, value.shape[1]),
    framedLine(left, "row", token, tokens),
    result,
  );
}

/** @type {import("../step.js").Step} */
export default {
  id: "13",
  byLayer: true,
  byHead: true,
  needs: () => ({ head: ["attention", "value", "context"] }),
  draw(scene) {
    const { root, facts, text } = scene;
    const { attention, value, context } = scene.tensors;
    const [token, feature] = focusOf(scene);
    const values = { token: facts.architecture.nameOfToken(token), feature };
    root.append(
      product(scene),
      section(
        text("step13_row", values),
        dotProduct(scene, {
          left: { name: `A[${token}]`, values: attention.row(token) },
          right: { name: `V[·, ${feature}]`, values: columnOf(value, feature) },
          total: context.at(token, feature),
          termName: shortNames(scene),
        }),
      ),
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
