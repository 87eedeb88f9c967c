/**
 * A residual connection: what a branch computed is added to what entered it.
 */

import { make } from "../element.js";
import { cellOf, pinnedToken } from "./cell.js";
import { number } from "./number.js";
import { skip } from "./skip.js";
import { tokenMatrix } from "./token_matrix.js";

const TALL = 280; // CSS pixels

/** @typedef {import("./step.js").Scene} Scene */
/** @typedef {import("./tensor.js").Tensor} Tensor */
/**
 * `gamma` is LayerScale's learned factor for every feature, where the model has one.
 * @typedef {{input: Tensor, branch: Tensor, output: Tensor, gamma?: Tensor}} Residual
 * `branch` and `norm` are keys of texts, the others are signs.
 * @typedef {{input: string, branch: string, output: string, gamma: string, norm: string, doing: string}} Signs
 */

/**
 * Gives what is added to a token.
 * @param {Residual} residual
 * @param {number} token
 * @returns {Float64Array}
 */
export function addedTo({ branch, gamma }, token) {
  const added = new Float64Array(branch.row(token));
  if (gamma) for (let feature = 0; feature < added.length; feature += 1) added[feature] *= gamma.data[feature];
  return added;
}

/**
 * Recomputes the cell that is looked at.
 * @param {Scene} scene
 * @param {Residual} residual
 * @param {Signs} signs
 * @returns {import("./step.js").Check}
 */
export function residualCheck(scene, residual, signs) {
  const [token, feature] = cellIn(scene, residual);
  const { input, branch, output, gamma } = residual;
  const place = `[${token}, ${feature}]`;
  const factor = gamma?.data[feature] ?? 1;
  const terms = [
    { label: signs.input, value: input.at(token, feature) },
    { label: gamma ? `${signs.gamma}\u00b7${signs.branch}` : signs.branch, value: factor * branch.at(token, feature) },
  ];
  return {
    formula: `${terms[0].label}${place} + ${terms[1].label}${place}`,
    recomputed: terms[0].value + terms[1].value,
    sent: output.at(token, feature),
    terms,
  };
}

/**
 * Draws the two ways, the sum of one cell, and the three matrices side by side.
 * @param {Scene} scene
 * @param {Residual} residual
 * @param {Signs} signs
 */
export function drawResidual(scene, residual, signs) {
  const { input, branch, output } = residual;
  const focus = cellIn(scene, residual);
  const label = scene.text("block_skip_label", signs);
  const names = { ...signs, norm: scene.text(signs.norm), branch: scene.text(signs.doing), label };
  const reach = Math.max(...[input, branch, output].flatMap(({ range }) => range.map(Math.abs)));
  /** @param {string} name @param {string} key @param {Tensor} tensor */
  const shown = (name, key, tensor) =>
    tokenMatrix(scene, {
      tensor, label: name, caption: scene.text(key, { name }), range: [-reach, reach], focus, tall: TALL,
    });
  scene.root.append(
    make("div", "ways-past", skip(scene, names)),
    cellSum(scene, residual, signs, focus),
    make("div", "sized", make(
      "div",
      "addition",
      shown(signs.input, "block_input", input),
      sign("+"),
      shown(signs.branch, "block_branch", branch),
      sign("="),
      shown(signs.output, "block_output", output),
    )),
  );
}

/** @param {Scene} scene @param {Residual} residual @returns {[number, number]} */
function cellIn(scene, { input }) {
  return cellOf(scene.view, input.shape, [pinnedToken(scene), 0]);
}

/**
 * @param {Scene} scene
 * @param {Residual} residual
 * @param {Signs} signs
 * @param {[number, number]} cell
 */
function cellSum(scene, { input, branch, output, gamma }, signs, [token, feature]) {
  const where = scene.text("block_cell", { token: scene.facts.architecture.nameOfToken(token), feature });
  const factor = gamma ? [part(signs.gamma, number(gamma.data[feature]), "factor"), sign("\u00d7")] : [];
  const sum = [
    part(signs.input, number(input.at(token, feature)), "stream"),
    sign("+"),
    ...factor,
    part(signs.branch, number(branch.at(token, feature)), "branch"),
    sign("="),
    part(signs.output, number(output.at(token, feature)), "outcome"),
  ];
  const scaled = gamma ? [make("p", "muted", scene.text("block_layer_scale"))] : [];
  return make("div", "cell-sum", make("p", "muted", where), make("p", "cell-terms", ...sum), ...scaled);
}

/** @param {string} name @param {string} value @param {string} className */
function part(name, value, className) {
  return make("span", `cell-term ${className}`, make("i", "", name), make("b", "", value));
}

/** @param {string} said */
function sign(said) {
  return make("span", "operator", said);
}
