/**
 * Step 21: the same layer again and again, each with weights of its own.
 */

import { make } from "../../element.js";
import { dot } from "../dot.js";
import { layerAttention, meanOfHeads } from "../layer_attention.js";
import { layerPredictions } from "../layer_predictions.js";
import { patchGrid } from "../patches.js";
import { patchWay } from "../patch_way.js";
import { nameOfNorm, readoutOf } from "../readout.js";
import { section } from "../section.js";
import { tokenNorms } from "../token_norms.js";
import { walk } from "../walk.js";

/** @typedef {import("../step.js").Scene} Scene */

/** @param {Scene} scene */
function draw(scene) {
  const { root, tensors, facts: { architecture }, view, text } = scene;
  const { readout_attention, layer_logits, token_norms } = tensors;
  const { reading, registers } = architecture;
  const label = text(`step21_attention_${reading}`);
  root.append(
    walk(scene),
    section(text("step21_predictions"), layerPredictions(scene, layer_logits), note(text(`step21_lens_${reading}`))),
    section(
      label,
      make(
        "div",
        "two-up",
        patchGrid(scene, { heat: meanOfHeads(readout_attention, view.layer), label }),
        layerAttention(scene, readout_attention),
      ),
      note(text("step21_attention_note")),
    ),
    section(
      text("step21_norms"),
      tokenNorms(scene, token_norms),
      note(text("step21_paper")),
      note(registers > 0 ? text("step21_registers", { registers }) : text("step21_no_registers")),
    ),
    section(text("step21_way_heading"), patchWay(scene)),
  );
}

/** @param {string} said */
function note(said) {
  return make("p", "muted", said);
}

/** The most probable class after the view's layer. @param {Scene} scene @returns {number} */
function bestOf({ tensors, view }) {
  const row = tensors.layer_logits.row(view.layer);
  return row.indexOf(Math.max(...row));
}

/** @type {import("../step.js").Step} */
export default {
  id: "21",
  byLayer: true,
  needs: () => ({ whole: ["readout_attention", "layer_logits", "token_norms"] }),
  draw,
  shapes: ({ tensors }) => [
    { name: "logits", what: "step21_shape_logits", shape: tensors.layer_logits.shape },
    { name: "attention", what: "step21_shape_attention", shape: tensors.readout_attention.shape },
    { name: "\u2016X\u2016", what: "step21_shape_norms", shape: tensors.token_norms.shape },
  ],
  async check(scene) {
    const best = bestOf(scene);
    const { facts: { architecture, labels } } = scene;
    const norm = nameOfNorm(architecture);
    const tensors = await scene.fetch({
      whole: [`${norm}_weight`, `${norm}_bias`, "head_bias"], layer: ["output"], units: { head_weight: [best] },
    });
    const { output, head_weight, head_bias } = tensors;
    const rows = readoutOf(architecture, output, tensors[`${norm}_weight`].data, tensors[`${norm}_bias`].data);
    const { width, normAfterPooling } = architecture;
    const products = rows.map((row, part) => dot(row, head_weight.row(0).subarray(part * width, (part + 1) * width)));
    const names = architecture.parts.map(({ kind, from }) => {
      if (kind !== "mean") return `LN(X\u2032[${from}])`;
      return normAfterPooling ? "LN(mean X\u2032)" : "mean LN(X\u2032)";
    });
    const read = names.length > 1 ? `[${names.join(", ")}]` : names[0];
    return {
      formula: `logit[${labels[best]}] = ${read}\u00b7w + b`,
      recomputed: products.reduce((sum, product) => sum + product, head_bias.data[best]),
      sent: scene.tensors.layer_logits.at(scene.view.layer, best),
      terms: [
        ...products.map((value, part) => ({ label: `${names[part]}\u00b7w`, value })),
        { label: "b", value: head_bias.data[best] },
      ],
    };
  },
};
