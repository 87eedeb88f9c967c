/**
 * How long every token is after each layer, and which patches stand out.
 */

import { make } from "../element.js";
import { DEVIATIONS, highNorms } from "./high_norms.js";
import { depthChart } from "./depth_chart.js";
import { pinButton } from "./norm_ratio.js";
import { number } from "./number.js";
import { patchGrid } from "./patches.js";

/** @typedef {import("./step.js").Scene} Scene */
/** @typedef {import("./tensor.js").Tensor} Tensor */

const NAMED = 6; // of the high-norm patches of a layer
const MANY_TIMES = 2; // how often the median a token is that is long in the sense of the paper

/**
 * Draws the chart of the lengths, the picture with the long tokens of this layer, and their names.
 * @param {Scene} scene
 * @param {Tensor} norms [layers, tokens]
 * @returns {HTMLElement}
 */
export function tokenNorms(scene, norms) {
  const { facts: { architecture }, view, text } = scene;
  const layers = Array.from({ length: norms.shape[0] }, (_, layer) => layer);
  const ofPatches = layers.map((layer) => norms.row(layer).subarray(architecture.prefix));
  const found = ofPatches.map(highNorms);
  const of = (/** @type {number} */ token) => layers.map((layer) => norms.at(layer, token));
  const mine = architecture.tokenOf(view.patch);
  const series = [
    ...Array.from({ length: architecture.prefix }, (_, token) => ({
      name: architecture.nameOfToken(token), values: of(token), look: architecture.kindOf(token) === "class" ? "class-token" : "register",
    })),
    { name: text("block_yours"), values: of(mine), look: "mine" },
    { name: text("block_median"), values: found.map(({ median }) => median), look: "median" },
  ];
  const [, most] = norms.range;
  const chart = depthChart(scene, {
    series, low: 0, high: most * 1.05, ticks: ticksTo(most), say: (value) => number(value, 3),
    label: text(architecture.classTokens ? "step21_norms_label" : "step21_norms_label_patches"),
    band: { low: ofPatches.map((row) => Math.min(...row)), high: ofPatches.map((row) => Math.max(...row)) },
    dots: found.flatMap(({ patches }, layer) =>
      patches.map((patch) => ({ layer, value: ofPatches[layer][patch] }))),
  });
  const here = found[view.layer];
  const row = ofPatches[view.layer];
  const picture = patchGrid(scene, {
    heat: row, range: [Math.min(...row), Math.max(...row)], marked: here.patches, maxSide: 320,
    label: text("step21_norms_map", { layer: view.layer }),
  });
  const named = here.patches.slice(0, NAMED).map((patch) =>
    make("li", "", pinButton(scene, patch, text("step21_length", { norm: number(row[patch], 3) }))));
  const pins = named.length ? [make("ul", "plain pins", ...named)] : [];
  return make(
    "div",
    "two-up",
    make("div", "", chart, ...verdict(scene, here)),
    make("div", "", picture, ...pins),
  );
}

/**
 * Says which patches stand out in this layer, by what rule, and whether they are long as those of
 * large models.
 * @param {Scene} scene
 * @param {import("./high_norms.js").HighNorms} high
 */
function verdict(scene, { median, deviation, bound, patches, longest }) {
  const { text, view } = scene;
  const said = {
    count: patches.length, layer: view.layer, deviations: DEVIATIONS, median: number(median, 3),
    deviation: number(deviation, 3), bound: number(bound, 3), longest: number(longest, 3),
  };
  const kind = patches.length === 0 ? "none" : longest >= MANY_TIMES ? "far" : "some";
  return [
    make("p", "verdict", text(`step21_${kind}_high`, said)),
    make("p", "muted", text("step21_rule", said)),
  ];
}

/** @param {number} most */
function ticksTo(most) {
  const size = 10 ** Math.floor(Math.log10(most));
  const step = [0.2, 0.5, 1, 2].map((one) => one * size).find((one) => most / one <= 5) ?? 5 * size;
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, index) => Number((index * step).toPrecision(3)));
}
