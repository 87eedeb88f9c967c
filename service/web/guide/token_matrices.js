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
  const { classTokens, prefix } = architecture;
  const learned = [...(classTokens ? ["cls_token"] : []), ...(prefix > classTokens ? ["reg_token"] : [])];
  return { whole: ["patch_embeddings", "pos_embed", "embedded", ...learned] };
}

/**
 * Gives the embeddings, E; what is added to them, P, which is 0 for registers and for a
 * distillation token, whose own position is in it already; and the sum as sent.
 * @param {import("./step.js").Scene} scene
 * @returns {{embeddings: Tensor, positions: Tensor, sum: Tensor}} each [N, d]
 */
export function summands({ tensors, facts: { architecture: { classTokens, width } } }) {
  const { cls_token, reg_token, patch_embeddings, pos_embed, embedded } = tensors;
  const [first, others] = [cls_token, reg_token].map((learned) => (learned ? [learned.data] : []));
  const none = others.map(({ length }) => new Float32Array(length));
  const split = classTokens * width;
  return {
    embeddings: stacked([...first, ...others, patch_embeddings.data], width),
    positions: stacked([pos_embed.data.subarray(0, split), ...none, pos_embed.data.subarray(split)], width),
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
