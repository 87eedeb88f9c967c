/** Step 6: the class token, and other learned tokens where there are any, go before the patches. */

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

  wording: ({ architecture }) => (architecture.classTokens ? null : { title: "step6_title_none", text: "step6_text_none" }),

  draw(scene) {
    const { root, facts: { architecture }, tensors: { cls_token }, go, text } = scene;
    const focus = focusOfSum(scene, 0);
    const [token, feature] = focus;
    const { classTokens, prefix, tokens } = architecture;
    const counts = text("step6_count", { parts: countsOf(scene).join(" + "), tokens });
    const matrix = text(classTokens ? "step6_matrix" : "step6_matrix_none");
    const first = () => section(text("step6_class_token"), vector(scene, {
      values: cls_token.row(0), label: text("step6_class_token"), focus: token ? null : feature,
      name: (index) => text("feature", { feature: index }), onPick: (index) => go({ cell: [0, index] }),
    }));
    const same = () => section(text("step6_same"), make("p", "", text("step6_same_text")), ...experiment(scene));
    root.append(
      section(text("step6_sequence"), make("p", "token-count", counts), sequence(scene, text("step6_sequence")),
        ...notesOf(scene).map((note) => make("p", "note", note))),
      ...(classTokens ? [first()] : []),
      section(matrix, tokenMatrix(scene, { tensor: summands(scene).embeddings, label: matrix, focus })),
      ...(prefix ? [same()] : []),
    );
  },

  shapes: ({ facts: { architecture: { classTokens, patches, prefix, tokens, width } } }) => {
    const learned = prefix - classTokens;
    const parts = [
      ...(classTokens ? [{ name: "CLS", what: "step6_shape_class_token", shape: [1, width] }] : []),
      ...(learned ? [{ name: "R", what: "step6_shape_registers", shape: [learned, width] }] : []),
      { name: "E", what: "step5_shape_embeddings", shape: [patches, width] },
    ];
    const all = `[${parts.map(({ name }) => name).join("; ")}]`;
    return [...parts, ...(prefix ? [{ name: all, what: "step6_shape_tokens", shape: [tokens, width] }] : [])];
  },

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

/** Counts the tokens of each kind. @param {Scene} scene */
function countsOf({ facts: { architecture: { classTokens, distillationTokens, registers, patches } }, text }) {
  return [
    ...(classTokens ? [text("step6_count_class")] : []),
    ...(distillationTokens ? [text("step6_count_distillation")] : []),
    ...(registers ? [text("step6_count_registers", { registers })] : []),
    text("step6_count_patches", { patches }),
  ];
}

/** Says what becomes of the learned tokens. @param {Scene} scene */
function notesOf({ facts: { architecture: { classTokens, registers, reading } }, text }) {
  return [
    ...(classTokens ? [text(`step6_read_${reading}`)] : []),
    ...(registers ? [text("step6_registers", { registers })] : []),
  ];
}

/** Asks the model about a grey picture, and says what stayed the same. @param {Scene} scene */
function experiment({ facts, tensors: { embedded }, signal, text }) {
  const button = make("button", "", text("step6_try"));
  button.type = "button";
  const said = make("p", "readout");
  said.setAttribute("role", "status");
  button.addEventListener("click", async () => {
    button.disabled = true;
    const { prefix, width, classTokens } = facts.architecture;
    const kind = classTokens && prefix === 1 ? "step6_tried" : "step6_tried_learned";
    try {
      const other = await embeddedOfGrey(facts.model, signal);
      const changes = Array.from(embedded.data, (value, at) => Math.abs(value - other.data[at]));
      const [first, rest] = [changes.slice(0, prefix * width), changes.slice(prefix * width)].map((part) =>
        number(part.reduce((most, one) => Math.max(most, one), 0)));
      said.textContent = text(kind, { first, rest, learned: facts.architecture.nameOfOthers() });
    } catch (problem) {
      if (!signal.aborted) said.textContent = text("tokens_failed", { problem: String(problem) });
    }
    button.disabled = false;
  });
  return [button, said];
}
