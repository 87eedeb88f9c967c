/**
 * How the served model is built, and what its tokens are called.
 */

import { text } from "./text.js";

/**
 * @typedef {{image_size: [number, number] | number, patch_size: number, grid: [number, number],
 *   depth: number, heads: number, width: number, prefix_tokens: number, registers: number,
 *   pooling: string, norm_epsilon: number, layer_scale: boolean}} Described
 */

/** The model's sizes. Tokens come as class token, registers, patches row by row from the top left. */
export class Architecture {
  /** @param {Described} described as the server says it */
  constructor(described) {
    const { patch_size, grid, depth, heads, width, prefix_tokens, registers } = described;
    this.rows = grid[0];
    this.columns = grid[1];
    this.patches = this.rows * this.columns; // n
    this.prefix = prefix_tokens; // class token and registers
    this.tokens = this.prefix + this.patches; // N
    this.registers = registers ?? prefix_tokens - 1;
    this.patchSize = patch_size;
    this.depth = depth;
    this.heads = heads;
    this.width = width; // d
    this.headWidth = width / heads;
    this.pooling = described.pooling; // "class_token" or the mean of the patches
    this.readsClassToken = described.pooling === "class_token";
    this.normEpsilon = described.norm_epsilon;
    this.layerScale = described.layer_scale;
  }

  /** @param {number} patch @returns {number} its token */
  tokenOf(patch) {
    return this.prefix + patch;
  }

  /** @param {number} token @returns {number | null} its patch, or null for class token and registers */
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
    if (token === 0 && this.prefix > 0) return text("name_class_token");
    if (token < this.prefix) return text("name_register", { register: token });
    return this.nameOfPatch(token - this.prefix);
  }
}
