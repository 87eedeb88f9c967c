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

/**
 * Gives the share of every token.
 * @param {import("./residual.js").Residual} residual
 * @returns {Float32Array} one for each token
 */
export function normRatios(residual) {
  const { input } = residual;
  return Float32Array.from({ length: input.shape[0] }, (_, token) =>
    lengthOf(addedTo(residual, token)) / lengthOf(input.row(token)));
}

/**
 * Paints the shares of the patches on the picture, and says those of the tokens of interest.
 * @param {Scene} scene
 * @param {Float32Array} ratios one for each token
 * @param {{label: string, sign: string, range: [number, number]}} options sign: such as "‖z‖ / ‖X‖"
 * @returns {HTMLElement}
 */
export function ratioMap(scene, ratios, { label, sign, range }) {
  const { architecture } = scene.facts;
  const heat = ratios.subarray(architecture.prefix);
  const most = heat.indexOf(Math.max(...heat));
  const least = heat.indexOf(Math.min(...heat));
  const rows = [
    ...Array.from({ length: architecture.prefix }, (_, token) => [architecture.nameOfToken(token), ratios[token]]),
    [scene.text("block_yours"), ratios[pinnedToken(scene)]],
    [scene.text("block_median"), medianOf(heat)],
  ];
  const list = make("dl", "readings", ...rows.flatMap(([name, value]) => reading(String(name), Number(value))));
  const ends = [["block_most", most], ["block_least", least]].map(([key, patch]) =>
    pinButton(scene, Number(patch), scene.text(String(key), { ratio: number(heat[Number(patch)], 3) })));
  return make(
    "div",
    "ratio-map",
    make("p", "muted", sign),
    patchGrid(scene, { heat, range, label }),
    list,
    make("div", "buttons", ...ends),
  );
}

/** @param {string} name @param {number} value */
function reading(name, value) {
  return [make("dt", "", name), make("dd", "", number(value, 3))];
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
