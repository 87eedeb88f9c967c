/** Step 6: the class token, and registers where there are any, go before the patches. */

import { make } from "../../element.js";
import { number } from "../number.js";
import { embeddedOfGrey } from "../other_picture.js";
import { section } from "../section.js";
import { sequence } from "../sequence.js";
import { tokenMatrix } from "../token_matrix.js";
import { focusOfSum, needsOfSum, summands } from "../token_matrices.js";
import { vector } from "../vector.js";

/** @typedef {import("../step.js").Scene} Scene */

/** @type {import("../step.js").Step} */
export default {
  id: "6",
  needs: needsOfSum,

  draw(scene) {
    const { root, facts: { architecture }, tensors: { cls_token }, go, text } = scene;
    const focus = focusOfSum(scene, 0);
    const [token, feature] = focus;
    const { registers, patches, tokens } = architecture;
    const counts = text(registers ? "step6_count_registers" : "step6_count", { registers, patches, tokens });
    const notes = [architecture.readsClassToken ? "step6_read" : "step6_not_read", ...(registers ? ["step6_registers"] : [])];
    root.append(
      section(text("step6_sequence"), make("p", "token-count", counts), sequence(scene, text("step6_sequence")),
        ...notes.map((note) => make("p", "note", text(note, { registers })))),
      section(text("step6_class_token"), vector(scene, {
        values: cls_token.row(0), label: text("step6_class_token"), focus: token ? null : feature,
        name: (index) => text("feature", { feature: index }), onPick: (index) => go({ cell: [0, index] }),
      })),
      section(text("step6_matrix"), tokenMatrix(scene, {
        tensor: summands(scene).embeddings, label: text("step6_matrix"), focus,
      })),
      section(text("step6_same"), make("p", "", text("step6_same_text")), ...experiment(scene)),
    );
  },

  shapes: ({ facts: { architecture: { patches, registers, tokens, width } } }) => [
    { name: "CLS", what: "step6_shape_class_token", shape: [1, width] },
    ...(registers ? [{ name: "R", what: "step6_shape_registers", shape: [registers, width] }] : []),
    { name: "E", what: "step5_shape_embeddings", shape: [patches, width] },
    { name: registers ? "[CLS; R; E]" : "[CLS; E]", what: "step6_shape_tokens", shape: [tokens, width] },
  ],

  check(scene) {
    const [token, feature] = focusOfSum(scene, 0);
    const { embeddings, positions, sum } = summands(scene);
    return {
      formula: `X\u2080[${token}, ${feature}] \u2212 P[${token}, ${feature}]`,
      recomputed: sum.at(token, feature) - positions.at(token, feature),
      sent: embeddings.at(token, feature),
    };
  },
};

/** Asks the model about a grey picture, and says what stayed the same. @param {Scene} scene */
function experiment({ facts, tensors: { embedded }, signal, text }) {
  const button = make("button", "", text("step6_try"));
  button.type = "button";
  const said = make("p", "readout");
  said.setAttribute("role", "status");
  button.addEventListener("click", async () => {
    button.disabled = true;
    const { prefix, width, registers } = facts.architecture;
    try {
      const other = await embeddedOfGrey(facts.model, signal);
      const changes = Array.from(embedded.data, (value, at) => Math.abs(value - other.data[at]));
      const [first, rest] = [changes.slice(0, prefix * width), changes.slice(prefix * width)].map((part) =>
        number(part.reduce((most, one) => Math.max(most, one), 0)));
      said.textContent = text(registers ? "step6_tried_registers" : "step6_tried", { first, rest });
    } catch (problem) {
      if (!signal.aborted) said.textContent = text("tokens_failed", { problem: String(problem) });
    }
    button.disabled = false;
  });
  return [button, said];
}
