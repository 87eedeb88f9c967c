/**
 * Matrices whose rows are tokens, named alike in every step.
 */

import { matrix } from "./matrix.js";

/** @typedef {import("./step.js").Scene} Scene */

/**
 * Draws a matrix of features by token; a click focuses a cell of it.
 * @param {Scene} scene
 * @param {Partial<import("./matrix.js").MatrixOptions>
 *   & {tensor: import("./tensor.js").Tensor, label: string}} options
 * @returns {HTMLElement}
 */
export function tokenMatrix(scene, options) {
  const { facts, text, go } = scene;
  return matrix(scene, {
    rowName: (i) => facts.architecture.nameOfToken(i),
    columnName: (j) => text("feature", { feature: j }),
    rows: "tokens",
    axes: ["", text("attention_features")],
    signed: true,
    maxHeight: 280,
    onPick: (i, j) => go({ cell: [i, j] }),
    ...options,
  });
}

/**
 * Draws a matrix of tokens by tokens: a row for each query, a column for each key.
 * @param {Scene} scene
 * @param {Partial<import("./matrix.js").MatrixOptions>
 *   & {tensor: import("./tensor.js").Tensor, label: string}} options
 * @returns {HTMLElement}
 */
export function pairMatrix(scene, options) {
  const { nameOfToken } = scene.facts.architecture;
  const name = nameOfToken.bind(scene.facts.architecture);
  return tokenMatrix(scene, {
    rowName: (i) => scene.text("attention_asks", { token: name(i) }),
    columnName: (j) => scene.text("attention_asked", { token: name(j) }),
    columns: "tokens",
    maxHeight: 420,
    ...options,
  });
}

/**
 * Gives a function that names tokens in few words.
 * @param {Scene} scene
 * @returns {(token: number) => string}
 */
export function shortNames({ facts: { architecture }, text }) {
  return (token) => {
    const patch = architecture.patchOf(token);
    return patch === null ? architecture.nameOfToken(token) : text("attention_patch", { patch });
  };
}
