/**
 * The matrices with a row for each token whose sum enters the transformer: embeddings and positions.
 */

import { cellOf, pinnedToken } from "./cell.js";
import { Tensor } from "./tensor.js";

/**
 * Names the tensors that both are made of, and their sum.
 * @param {import("./view.js").View} _
 * @param {import("./facts.js").Facts} facts
 * @returns {import("./step.js").Needs}
 */
export function needsOfSum(_, { architecture }) {
  const registers = architecture.registers ? ["reg_token"] : [];
  return { whole: ["patch_embeddings", "cls_token", "pos_embed", "embedded", ...registers] };
}

/**
 * Gives the embeddings, E; what is added to them, P, which is 0 for registers; and the sum as sent.
 * @param {import("./step.js").Scene} scene
 * @returns {{embeddings: Tensor, positions: Tensor, sum: Tensor}} each [N, d]
 */
export function summands({ tensors }) {
  const { cls_token, reg_token, patch_embeddings, pos_embed, embedded } = tensors;
  const registers = reg_token ? [reg_token.data] : [];
  const width = cls_token.shape[1];
  const none = registers.map(({ length }) => new Float32Array(length));
  return {
    embeddings: stacked([cls_token.data, ...registers, patch_embeddings.data], width),
    positions: stacked([pos_embed.data.subarray(0, width), ...none, pos_embed.data.subarray(width)], width),
    sum: embedded,
  };
}

/**
 * Gives the token and the feature that are looked at: the pinned patch's, or the one given.
 * @param {import("./step.js").Scene} scene
 * @param {number} [token]
 * @returns {[number, number]}
 */
export function focusOfSum(scene, token = pinnedToken(scene)) {
  return cellOf(scene.view, scene.tensors.embedded.shape, [token, 0]);
}

/** @param {(Float32Array | Uint8Array)[]} parts @param {number} width */
function stacked(parts, width) {
  const data = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  parts.reduce((at, part) => (data.set(part, at), at + part.length), 0);
  return new Tensor([data.length / width, width], data);
}
