/** Step 8: embedding plus position is what the first layer receives. */

import { make } from "../../element.js";
import { dot } from "../dot.js";
import { number } from "../number.js";
import { mostOf } from "../pixel_canvas.js";
import { section } from "../section.js";
import { tokenMatrix } from "../token_matrix.js";
import { focusOfSum, needsOfSum, summands } from "../token_matrices.js";
import { vector } from "../vector.js";

/** @typedef {import("../step.js").Scene} Scene */

/** @param {Scene} scene */
function partsOf(scene) {
  const { embeddings, positions, sum } = summands(scene);
  return [
    { sign: "", name: "E", what: scene.text("step8_embedding"), tensor: embeddings },
    { sign: "+", name: "P", what: scene.text("step8_position"), tensor: positions },
    { sign: "=", name: "X\u2080", what: scene.text("step8_sum"), tensor: sum },
  ];
}

/** @type {import("../step.js").Step} */
export default {
  id: "8",
  needs: needsOfSum,

  draw(scene) {
    const { root, facts, go, text } = scene;
    const focus = focusOfSum(scene);
    const [token, feature] = focus;
    const parts = partsOf(scene);
    const most = Math.max(...parts.map(({ tensor }) => mostOf(tensor.data)));
    const range = /** @type {[number, number]} */ ([-most, most]);
    const title = (/** @type {typeof parts[0]} */ { sign, name, what }) => make("p", "term-name", make("b", "", `${sign} ${name}`), ` ${what}`);
    const strips = parts.map((part) => make("div", "summand", title(part), vector(scene, {
      values: part.tensor.row(token), label: `${part.name}: ${part.what}`, range, focus: feature,
      name: (index) => text("feature", { feature: index }), onPick: (index) => go({ cell: [token, index] }),
    })));
    const matrices = parts.map((part) => make("div", "summand", title(part), tokenMatrix(scene, {
      tensor: part.tensor, label: `${part.name}, ${part.what}`, range, focus,
    })));
    root.append(
      section(text("step8_row", { token: facts.architecture.nameOfToken(token) }),
        arithmetic(scene, parts, focus), ...strips, make("p", "muted", norms(scene, parts, token))),
      section(text("step8_matrices"), make("div", "trio", ...matrices)),
    );
  },

  shapes: ({ facts: { architecture: { tokens, width } } }) => [
    { name: "E", what: "step6_shape_tokens", shape: [tokens, width] },
    { name: "P", what: "step8_shape_positions", shape: [tokens, width] },
    { name: "X\u2080", what: "step8_shape_sum", shape: [tokens, width] },
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

/** @param {Scene} scene @param {ReturnType<typeof partsOf>} parts @param {[number, number]} focus */
function arithmetic({ text }, parts, [token, feature]) {
  const terms = parts.map(({ sign, name, tensor }) => make("span", "summed",
    ...(sign ? [make("span", "sign", sign)] : []),
    make("span", "term-value", make("b", "", number(tensor.at(token, feature))), make("span", "", `${name}[${token}, ${feature}]`))));
  const line = make("p", "arithmetic", ...terms);
  return make("div", "", make("p", "muted", text("step8_cell", { feature })), line);
}

/** @param {Scene} scene @param {ReturnType<typeof partsOf>} parts @param {number} token */
function norms({ text }, parts, token) {
  const [embedding, position, sum] = parts.map(({ tensor }) => number(Math.sqrt(dot(tensor.row(token), tensor.row(token))), 3));
  return text("step8_norms", { embedding, position, sum });
}
