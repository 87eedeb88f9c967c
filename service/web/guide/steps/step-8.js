/** Step 8: embedding plus position is what the first layer receives. */

import { addition } from "../addition.js";
import { make } from "../../element.js";
import { dot } from "../dot.js";
import { layerNorm } from "../layer_norm.js";
import { number } from "../number.js";
import { mostOf } from "../pixel_canvas.js";
import { section } from "../section.js";
import { tokenMatrix } from "../token_matrix.js";
import { focusOfSum, needsOfSum, summands } from "../token_matrices.js";

/** @type {import("../step.js").Step} */
export default {
  id: "8",
  wording: ({ architecture }) => (architecture.preNorm ? { text: "step8_text_pre_norm" } : null),

  needs(view, facts) {
    const sum = needsOfSum(view, facts);
    if (!facts.architecture.preNorm) return sum;
    const whole = [...(sum.whole ?? []), "norm_pre_weight", "norm_pre_bias"];
    return { whole, layer: ["tokens"], at: { layer: 0 } };
  },

  draw(scene) {
    const { root, facts, text } = scene;
    const focus = focusOfSum(scene);
    const [token, feature] = focus;
    const { embeddings, positions, sum } = summands(scene);
    const parts = [
      { sign: "", name: "E", what: text("step8_embedding"), tensor: embeddings },
      { sign: "+", name: "P", what: text("step8_position"), tensor: positions },
      { sign: "=", name: "X\u2080", what: text(facts.architecture.preNorm ? "step8_sum_pre_norm" : "step8_sum"), tensor: sum },
    ];
    const most = Math.max(...parts.map(({ tensor }) => mostOf(tensor.data)));
    const rows = parts.map((part) => ({ ...part, values: part.tensor.row(token) }));
    const lengths = rows.map(({ values }) => number(Math.sqrt(dot(values, values)), 3));
    const norms = text("step8_norms", { embedding: lengths[0], position: lengths[1], sum: lengths[2] });
    const matrices = parts.map(({ sign, name, what, tensor }) => make("div", "summand",
      make("p", "", make("b", "", `${sign} ${name}`), ` ${what}`),
      tokenMatrix(scene, { tensor, label: `${name}, ${what}`, range: [-most, most], focus })));
    root.append(
      section(text("step8_row", { token: facts.architecture.nameOfToken(token) }),
        addition(scene, rows, { token, feature, most: Math.max(...rows.map(({ values }) => mostOf(values))) }),
        make("p", "muted", norms)),
      ...normedFirst(scene, token, feature),
      section(text("step8_matrices"), make("div", "trio", ...matrices)),
    );
  },

  shapes: ({ facts: { architecture: { tokens, width, preNorm } } }) => [
    { name: "E", what: "step6_shape_tokens", shape: [tokens, width] },
    { name: "P", what: "step8_shape_positions", shape: [tokens, width] },
    { name: "X\u2080", what: preNorm ? "step8_shape_sum_pre_norm" : "step8_shape_sum", shape: [tokens, width] },
  ],

  check(scene) {
    const [token, feature] = focusOfSum(scene);
    const { embeddings, positions, sum } = summands(scene);
    return {
      formula: `E[${token}, ${feature}] + P[${token}, ${feature}]`,
      recomputed: embeddings.at(token, feature) + positions.at(token, feature),
      sent: sum.at(token, feature),
    };
  },
};

/**
 * Shows the norm before the first layer, where the model has one.
 * @param {import("../step.js").Scene} scene
 * @param {number} token
 * @param {number} feature
 */
function normedFirst(scene, token, feature) {
  const { facts: { architecture }, tensors, text } = scene;
  if (!architecture.preNorm) return [];
  const { embedded, tokens, norm_pre_weight: gamma, norm_pre_bias: beta } = tensors;
  const rows = { before: embedded.row(token), after: tokens.row(token) };
  return [section(text("step8_pre_norm", { token: architecture.nameOfToken(token) }),
    layerNorm(scene, { ...rows, gamma: gamma.data, beta: beta.data, feature }))];
}
