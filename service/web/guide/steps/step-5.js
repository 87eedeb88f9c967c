/** Step 5: every patch becomes an embedding; together they are a matrix. */

import { make } from "../../element.js";
import { cellOf, strongest } from "../cell.js";
import { columnOf } from "../dot.js";
import { checkEmbedding, needsOfEmbedding } from "../embedding.js";
import { patchGrid } from "../patches.js";
import { section } from "../section.js";
import { similarities } from "../similarity.js";
import { tokenMatrix } from "../token_matrix.js";

/** @param {import("../step.js").Scene} scene @returns {[number, number]} patch and feature that are looked at */
function focusOf({ view, tensors: { patch_embeddings: embeddings } }) {
  return cellOf(view, embeddings.shape, [view.patch, strongest(embeddings.row(view.patch))]);
}

/** @type {import("../step.js").Step} */
export default {
  id: "5",
  needs: (_, facts) => needsOfEmbedding(facts),

  draw(scene) {
    const { root, view, facts, tensors, text } = scene;
    const embeddings = tensors.patch_embeddings;
    const focus = focusOf(scene);
    const feature = focus[1];
    const all = tokenMatrix(scene, {
      tensor: embeddings, label: text("step5_matrix"), rows: "patches",
      rowName: (row) => facts.architecture.nameOfPatch(row), focus,
    });
    const column = Float32Array.from(columnOf(embeddings, feature));
    const map = patchGrid(scene, { heat: column, signed: true, label: text("step5_map", { feature }) });
    const heat = similarities(embeddings, view.patch);
    const alike = patchGrid(scene, { heat, signed: true, range: [-1, 1], label: text("step5_alike") });
    root.append(
      section(text("step5_matrix"), all),
      make("div", "twins",
        section(text("step5_map", { feature }), map, make("p", "muted", text("step5_map_caption"))),
        section(text("step5_alike"), alike, make("p", "muted", text("step5_alike_caption"))),
      ),
    );
  },

  shapes: ({ facts: { architecture: { width } }, tensors: { patches } }) => [
    { name: "p\u2032", what: "step5_shape_patches", shape: patches.shape },
    { name: "W", what: "step4_shape_weight", shape: [patches.shape[1], width] },
    { name: "E", what: "step5_shape_embeddings", shape: [patches.shape[0], width] },
  ],

  check: (scene) => checkEmbedding(scene, ...focusOf(scene)),
};
