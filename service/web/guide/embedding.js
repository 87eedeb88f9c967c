/**
 * One number of a patch's embedding: its filter, and its sum recomputed.
 */

import { dot } from "./dot.js";

const WEIGHT = "patch_embed_weight";
const MOST_WEIGHTS = 200_000; // up to here all filters come at once, 0.8 MB

/**
 * Says what the linear map needs: all filters, where they are few enough to be asked for at once.
 * @param {import("./facts.js").Facts} facts
 * @returns {import("./step.js").Needs}
 */
export function needsOfEmbedding({ architecture: { width, patchSize } }) {
  const isLight = width * 3 * patchSize ** 2 <= MOST_WEIGHTS;
  return { whole: ["patches", "patch_embeddings", "patch_embed_bias", ...(isLight ? [WEIGHT] : [])] };
}

/**
 * Gives the weights of one feature.
 * @param {import("./step.js").Scene} scene
 * @param {number} feature
 * @returns {Promise<ArrayLike<number>>}
 */
export async function filterOf({ tensors, fetch }, feature) {
  const all = tensors[WEIGHT];
  return all ? all.row(feature) : (await fetch({ units: { [WEIGHT]: [feature] } }))[WEIGHT].row(0);
}

/**
 * Recomputes a number of the embeddings: the patch with the filter, and the bias.
 * @param {import("./step.js").Scene} scene
 * @param {number} patch
 * @param {number} feature
 * @returns {Promise<import("./step.js").Check>}
 */
export async function checkEmbedding(scene, patch, feature) {
  const filter = await filterOf(scene, feature);
  const { patches, patch_embeddings: embeddings, patch_embed_bias: biases } = scene.tensors;
  const [product, bias] = [dot(patches.row(patch), filter), biases.at(feature)];
  return {
    formula: `p\u2032[${patch}] \u00b7 W[:, ${feature}] + b[${feature}]`,
    recomputed: product + bias,
    sent: embeddings.at(patch, feature),
    terms: [{ label: scene.text("step4_product"), value: product }, { label: scene.text("step4_bias"), value: bias }],
  };
}
