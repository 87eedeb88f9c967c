/**
 * How much a branch changes each token: the norm of what it adds as a share of the token's own.
 */

import { make } from "../element.js";
import { pinnedToken } from "./cell.js";
import { lengthOf, medianOf } from "./lengths.js";
import { number } from "./number.js";
import { patchGrid } from "./patches.js";
import { addedTo } from "./residual.js";

/** @typedef {import("./step.js").Scene} Scene */

const WIDEST = 320; // CSS pixels

/**
 * Gives the share of every token.
 * @param {import("./residual.js").Residual} residual
 * @returns {Float32Array} one for each token
 */
export function normRatios(residual) {
  const { input } = residual;
  const ratios = new Float32Array(input.shape[0]);
  for (let token = 0; token < ratios.length; token += 1) {
    ratios[token] = lengthOf(addedTo(residual, token)) / lengthOf(input.row(token));
  }
  return ratios;
}

/**
 * Gives the least and the greatest share among the patches of all maps, so that maps can share it.
 * @param {Scene} scene
 * @param {Float32Array[]} maps
 * @returns {[number, number]}
 */
export function sharedRange({ facts }, maps) {
  const all = maps.flatMap((ratios) => Array.from(ratios.subarray(facts.architecture.prefix)));
  return [Math.min(...all), Math.max(...all)];
}

/**
 * Paints the shares of the patches on the picture, with the two patches at the ends.
 * @param {Scene} scene
 * @param {Float32Array} ratios one for each token
 * @param {{label: string, range: [number, number]}} options
 * @returns {HTMLElement}
 */
export function ratioMap(scene, ratios, { label, range }) {
  const heat = ratios.subarray(scene.facts.architecture.prefix);
  const ends = /** @type {const} */ ([["block_most", Math.max(...heat)], ["block_least", Math.min(...heat)]]);
  const buttons = ends.map(([key, ratio]) =>
    pinButton(scene, heat.indexOf(ratio), scene.text(key, { ratio: number(ratio, 3) })));
  const grid = patchGrid(scene, { heat, range, label, maxSide: WIDEST });
  return make("div", "ratio-map", grid, make("div", "buttons", ...buttons));
}

/**
 * Tabulates the shares of the tokens of interest: class token, registers, the pinned patch, the median.
 * @param {Scene} scene
 * @param {{sign: string, ratios: Float32Array}[]} columns
 * @returns {HTMLElement}
 */
export function ratioTable(scene, columns) {
  const { facts: { architecture }, text } = scene;
  const heads = [text("block_token"), ...columns.map(({ sign }) => sign)].map((said) => headCell("col", said));
  /** @param {string} name @param {(ratios: Float32Array) => number} of @param {string} [look] */
  const row = (name, of, look = "") =>
    make("tr", look, headCell("row", name), ...columns.map(({ ratios }) => make("td", "", number(of(ratios), 3))));
  const body = make(
    "tbody",
    "",
    ...Array.from({ length: architecture.prefix }, (_, token) =>
      row(architecture.nameOfToken(token), (ratios) => ratios[token])),
    row(text("block_yours"), (ratios) => ratios[pinnedToken(scene)], "own"),
    row(text("block_median"), (ratios) => medianOf(ratios.subarray(architecture.prefix))),
  );
  return make("table", "ratio-table", make("thead", "", make("tr", "", ...heads)), body);
}

/** @param {"row" | "col"} scope @param {string} said */
function headCell(scope, said) {
  const cell = make("th", "", said);
  cell.scope = scope;
  return cell;
}

/**
 * Makes a button that pins a patch.
 * @param {Scene} scene
 * @param {number} patch
 * @param {string} said
 */
export function pinButton(scene, patch, said) {
  const name = scene.facts.architecture.nameOfPatch(patch);
  const button = make("button", "pin", make("span", "", name), make("small", "muted", said));
  button.type = "button";
  button.dataset.focus = `pin ${said}`;
  button.addEventListener("click", () => scene.go({ patch }));
  return button;
}
