/**
 * Step 17: what attention computed is added to what entered it.
 */

import { drawResidual, residualCheck } from "../residual.js";

/** What enters, what attention adds and what leaves, in this step and the next. */
export const SIGNS = {
  input: "X", branch: "z", output: "h", gamma: "\u03b3", norm: "block_norm1", doing: "block_attention",
};

/**
 * Names the tensors of attention's residual connection.
 * @param {import("../architecture.js").Architecture} architecture
 * @returns {string[]}
 */
export function needed({ layerScale }) {
  return ["tokens", "projection", "attended", ...(layerScale ? ["ls1_gamma"] : [])];
}

/**
 * @param {Record<string, import("../tensor.js").Tensor>} tensors
 * @returns {import("../residual.js").Residual}
 */
export function residualOf({ tokens, projection, attended, ls1_gamma }) {
  return { input: tokens, branch: projection, output: attended, gamma: ls1_gamma };
}

/** @type {import("../step.js").Step} */
export default {
  id: "17",
  byLayer: true,
  needs: (_, { architecture }) => ({ layer: needed(architecture) }),
  draw: (scene) => drawResidual(scene, residualOf(scene.tensors), SIGNS),
  shapes: ({ tensors: { tokens, projection, attended } }) => [
    { name: "X", what: "block_shape_input", shape: tokens.shape },
    { name: "z", what: "block_shape_attention", shape: projection.shape },
    { name: "h", what: "block_shape_attended", shape: attended.shape },
  ],
  check: (scene) => residualCheck(scene, residualOf(scene.tensors), SIGNS),
};
