/**
 * Step 19: the feed-forward: four times as wide, then a non-linearity.
 */

import { make } from "../../element.js";
import { cellOf, pinnedToken, strongest } from "../cell.js";
import { dot } from "../dot.js";
import { gelu, passedShare } from "../gelu.js";
import { geluCurve } from "../gelu_curve.js";
import { patchGrid } from "../patches.js";
import { percent } from "../number.js";
import { section } from "../section.js";
import { dotProduct } from "../sum.js";
import { tokenMatrix } from "../token_matrix.js";
import { unitChooser } from "../unit_chooser.js";

/** @typedef {import("../step.js").Scene} Scene */

const TALL = 260; // CSS pixels

/** The token and the hidden unit that are looked at: the pinned patch's strongest one at first. @param {Scene} scene */
function focusOf(scene) {
  const mine = pinnedToken(scene);
  const { activation } = scene.tensors;
  return cellOf(scene.view, activation.shape, [mine, strongest(activation.row(mine))]);
}

/** Gives the share of units above zero. @param {ArrayLike<number>} hidden */
function activeShare(hidden) {
  let active = 0;
  for (let at = 0; at < hidden.length; at += 1) if (hidden[at] > 0) active += 1;
  return active / hidden.length;
}

/** @param {Scene} scene */
function draw(scene) {
  const { root, tensors: { hidden, activation }, facts: { architecture }, text } = scene;
  const [token, unit] = focusOf(scene);
  const name = architecture.nameOfToken(token);
  const choose = (/** @type {number} */ one) => scene.go({ cell: [token, one] });
  const label = text("step19_curve_label", { token: name });
  const curve = geluCurve(scene, { hidden: hidden.row(token), label, onPick: choose });
  curve.choose(unit);
  const map = make("div", "unit-map", unitMap(scene, unit));
  const onMove = (/** @type {number} */ one) => {
    curve.choose(one);
    map.replaceChildren(unitMap(scene, one));
  };
  const share = percent(activeShare(hidden.row(token)), 0);
  const shares = { share, all: percent(activeShare(hidden.data), 0), units: hidden.shape[1] };
  const sum = make("div", "unit-sum");
  const shape = {
    focus: /** @type {[number, number]} */ ([token, unit]),
    axes: /** @type {[string, string]} */ (["", text("step19_units")]),
    columnName: (/** @type {number} */ one) => text("step19_unit_name", { unit: one }),
    tall: TALL,
  };
  root.append(
    unitChooser(scene, { activation: activation.row(token), unit, onMove, onChoose: choose }),
    make(
      "div",
      "two-up",
      section(
        text("step19_curve", { token: name }),
        curve.element,
        make("p", "active-share", text("step19_share", shares)),
      ),
      section(text("step19_map"), map),
    ),
    section(text("step19_sum", { unit, token: name }), sum),
    make(
      "div",
      "two-up",
      tokenMatrix(scene, { tensor: hidden, label: "u", caption: text("step19_hidden"), ...shape }),
      tokenMatrix(scene, {
        tensor: activation, label: "gelu(u)", caption: text("step19_activation"), ...shape,
      }),
    ),
  );
  weightsOf(scene, unit).then((weights) => {
    if (scene.signal.aborted) return;
    sum.append(dotProduct(scene, {
      left: { name: "LN(h)", values: scene.tensors.norm2.row(token) },
      right: { name: `W\u2081[${unit}]`, values: weights },
      bias: scene.tensors.fc1_bias.data[unit],
      total: hidden.at(token, unit),
    }));
  }).catch(() => {}); // left meanwhile, or the check says it
}

/** Paints one unit's activation in every patch. @param {Scene} scene @param {number} unit */
function unitMap(scene, unit) {
  const { activation } = scene.tensors;
  const { prefix, patches } = scene.facts.architecture;
  const heat = Float32Array.from({ length: patches }, (_, patch) => activation.at(prefix + patch, unit));
  return patchGrid(scene, { heat, signed: true, label: scene.text("step19_map_label", { unit }), maxSide: 320 });
}

/** @param {Scene} scene @param {number} unit */
async function weightsOf(scene, unit) {
  const { fc1_weight } = await scene.fetch({ units: { fc1_weight: [unit] } });
  return fc1_weight.row(0);
}

/** @type {import("../step.js").Step} */
export default {
  id: "19",
  byLayer: true,
  needs: () => ({ layer: ["norm2", "hidden", "activation", "fc1_bias"] }),
  draw,
  shapes: ({ tensors: { norm2, hidden, activation } }) => [
    { name: "LN(h)", what: "block_shape_norm2", shape: norm2.shape },
    { name: "W\u2081", what: "step19_shape_weight", shape: [norm2.shape[1], hidden.shape[1]] },
    { name: "u", what: "step19_shape_hidden", shape: hidden.shape },
    { name: "gelu(u)", what: "step19_shape_activation", shape: activation.shape },
  ],
  async check(scene) {
    const { norm2, activation, fc1_bias } = scene.tensors;
    const [token, unit] = focusOf(scene);
    const product = dot(norm2.row(token), await weightsOf(scene, unit));
    const u = product + fc1_bias.data[unit];
    return {
      formula: "u = LN(h)\u00b7w + b;  u \u03a6(u)",
      recomputed: gelu(u),
      sent: activation.at(token, unit),
      terms: [
        { label: "LN(h)\u00b7w", value: product },
        { label: "b", value: fc1_bias.data[unit] },
        { label: "u", value: u },
        { label: "\u03a6(u)", value: passedShare(u) },
      ],
    };
  },
};
