/** Step 4: the linear map from a patch vector to d features. */

import { make } from "../../element.js";
import { cellOf, strongest } from "../cell.js";
import { checkEmbedding, filterOf, needsOfEmbedding } from "../embedding.js";
import { filterGallery } from "../filter_gallery.js";
import { filterProduct } from "../filter_product.js";
import { CHANNELS, placeOf } from "../flat_patch.js";
import { section } from "../section.js";
import { dotProduct } from "../sum.js";
import { vector } from "../vector.js";

/** @typedef {import("../step.js").Scene} Scene */

/** @param {Scene} scene @returns {number} the feature that is looked at */
function featureOf({ view, tensors: { patch_embeddings: embeddings } }) {
  return cellOf(view, embeddings.shape, [view.patch, strongest(embeddings.row(view.patch))])[1];
}

/** @type {import("../step.js").Step} */
export default {
  id: "4",
  needs: (_, facts) => needsOfEmbedding(facts),

  draw(scene) {
    const { root, view, facts, tensors, go, text } = scene;
    const feature = featureOf(scene);
    const pick = (/** @type {number} */ chosen) => go({ cell: [view.patch, chosen] });
    const product = section(text("step4_multiply", { feature }));
    const strip = vector(scene, {
      values: tensors.patch_embeddings.row(view.patch),
      label: text("step4_embedding", { patch: view.patch }),
      name: (index) => text("feature", { feature: index }),
      signed: true,
      focus: feature,
      onPick: pick,
    });
    const filters = text("step4_filters", { count: facts.architecture.width });
    root.append(product, section(text("step4_choose"), strip), section(filters, gallery(scene, feature, pick)));
    multiply(scene, product, feature).catch((problem) => {
      if (!scene.signal.aborted) product.append(make("p", "note", text("tokens_failed", { problem: String(problem) })));
    });
  },

  shapes: ({ facts: { architecture: { width } }, tensors: { patches } }) => [
    { name: "p\u2032", what: "step3_shape_vector", shape: [patches.shape[1]] },
    { name: "W", what: "step4_shape_weight", shape: [patches.shape[1], width] },
    { name: "b", what: "step4_shape_bias", shape: [width] },
    { name: "e", what: "step4_shape_embedding", shape: [width] },
  ],

  check: (scene) => checkEmbedding(scene, scene.view.patch, featureOf(scene)),
};

/** Draws the product as soon as the filter is there. @param {Scene} scene @param {HTMLElement} product @param {number} feature */
async function multiply(scene, product, feature) {
  const { view, tensors, signal, text } = scene;
  const filter = await filterOf(scene, feature);
  if (signal.aborted) return;
  const bias = tensors.patch_embed_bias.at(feature);
  const total = tensors.patch_embeddings.at(view.patch, feature);
  const left = { name: text("step4_patch_name"), values: tensors.patches.row(view.patch) };
  const right = { name: text("step4_filter_name", { feature }), values: filter };
  product.append(
    filterProduct(scene, filter, { feature, bias, total }),
    dotProduct(scene, { left, right, bias, total, termName: (index) => pixelName(scene, index) }),
  );
}

/** @param {Scene} scene @param {number} index of the vector */
function pixelName({ facts, text }, index) {
  const { channel, ...place } = placeOf(index, facts.architecture.patchSize);
  return text("step4_pixel", { channel: text(`step3_${CHANNELS[channel]}`), ...place });
}

/**
 * Draws the filters: at once where they are few, else when they are asked for.
 * @param {Scene} scene
 * @param {number} feature
 * @param {(feature: number) => void} pick
 */
function gallery(scene, feature, pick) {
  const { patch_embed_weight: weights } = scene.tensors;
  if (weights) return filterGallery(scene, weights, feature, pick);
  const button = make("button", "", scene.text("step4_show_filters"));
  button.type = "button";
  button.addEventListener("click", async () => {
    button.disabled = true;
    const { patch_embed_weight: all } = await scene.fetch({ whole: ["patch_embed_weight"] });
    if (!scene.signal.aborted) button.replaceWith(filterGallery(scene, all, feature, pick));
  });
  return button;
}
