/**
 * How the served model is built, and what its tokens are called.
 */

import { text } from "./text.js";

/**
 * @typedef {{image_size: [number, number] | number, patch_size: number, grid: [number, number],
 *   depth: number, heads: number, width: number, prefix_tokens: number, class_token: boolean,
 *   pooling: string, norm_after_pooling: boolean, pre_norm: boolean, norm_epsilon: number,
 *   layer_scale: boolean}} Described
 * @typedef {"class" | "distillation" | "register" | "patch"} Kind
 * A part of the readout: one token, or the mean of several, `from` the first `to` the one behind.
 * @typedef {{kind: "class" | "distillation" | "mean", from: number, to: number}} Part
 */

/**
 * The model's sizes. Tokens come as class token, distillation token, registers, of which a model may
 * have none, then patches row by row from the top left.
 */
export class Architecture {
  /** @param {Described} described as the server says it */
  constructor(described) {
    const { patch_size, grid, depth, heads, width, prefix_tokens, pooling } = described;
    this.rows = grid[0];
    this.columns = grid[1];
    this.patches = this.rows * this.columns; // n
    this.prefix = prefix_tokens; // tokens before the patches
    this.tokens = this.prefix + this.patches; // N
    this.classTokens = described.class_token ? 1 : 0;
    this.distillationTokens = pooling === "class_and_distillation_token" ? 1 : 0;
    this.registers = this.prefix - this.classTokens - this.distillationTokens;
    this.patchSize = patch_size;
    this.depth = depth;
    this.heads = heads;
    this.width = width; // d
    this.headWidth = width / heads;
    this.parts = this.#partsOf(pooling);
    this.reading = this.parts.map(({ kind }) => kind).join("_"); // as the texts about it are called
    this.normAfterPooling = described.norm_after_pooling;
    this.preNorm = described.pre_norm;
    this.normEpsilon = described.norm_epsilon;
    this.layerScale = described.layer_scale;
  }

  /** @param {string} pooling @returns {Part[]} the parts of the readout, side by side */
  #partsOf(pooling) {
    /** @type {Part} */
    const mean = { kind: "mean", from: this.prefix, to: this.tokens };
    if (pooling === "mean") return [mean];
    /** @type {Part} */
    const one = { kind: "class", from: 0, to: 1 };
    if (pooling === "class_token_and_mean") return [one, mean];
    return this.distillationTokens ? [one, { kind: "distillation", from: 1, to: 2 }] : [one];
  }

  /** @param {number} token @returns {Kind} */
  kindOf(token) {
    if (token >= this.prefix) return "patch";
    if (token < this.classTokens) return "class";
    return token < this.classTokens + this.distillationTokens ? "distillation" : "register";
  }

  /** @param {number} token @returns {number} which of the registers it is, from 1 */
  registerOf(token) {
    return token - this.classTokens - this.distillationTokens + 1;
  }

  /** @param {number} patch @returns {number} its token */
  tokenOf(patch) {
    return this.prefix + patch;
  }

  /** @param {number} token @returns {number | null} its patch, or null for tokens before the patches */
  patchOf(token) {
    return token < this.prefix ? null : token - this.prefix;
  }

  /** @param {number} patch @returns {{row: number, column: number}} */
  placeOf(patch) {
    return { row: Math.floor(patch / this.columns), column: patch % this.columns };
  }

  /** @param {number} patch */
  nameOfPatch(patch) {
    return text("name_patch", { patch, ...this.placeOf(patch) });
  }

  /** @param {number} token */
  nameOfToken(token) {
    const kind = this.kindOf(token);
    if (kind === "patch") return this.nameOfPatch(token - this.prefix);
    return text(kind === "register" ? "name_register" : `name_${kind}_token`, { register: this.registerOf(token) });
  }

  /** Names the tokens that have no place in the picture, in few words. */
  nameOfOthers() {
    return [
      ...(this.classTokens ? [text("name_class_token")] : []),
      ...(this.distillationTokens ? [text("name_distillation_token")] : []),
      ...(this.registers ? [text("name_registers")] : []),
    ].join(", ");
  }
}
