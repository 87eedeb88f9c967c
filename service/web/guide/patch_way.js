/**
 * The pinned patch's own way through the layers: how far each layer turns it, and how far it is from
 * where it began.
 */

import { make } from "../element.js";
import { cosineOf } from "./lengths.js";
import { depthChart } from "./depth_chart.js";
import { number } from "./number.js";

/** @typedef {import("./step.js").Scene} Scene */
/** @typedef {import("./tensor.js").Tensor} Tensor */

const LATER = 250; // milliseconds

/** The pictures and models whose tokens are here. @type {WeakSet<import("./facts.js").Facts>} */
const ARRIVED = new WeakSet();

/**
 * Gives the cosine of a token after each layer with itself before the layer, and before all layers.
 * @param {Tensor[]} outputs what leaves each layer
 * @param {Tensor} entered what enters the first
 * @param {number} token
 * @returns {{before: number[], start: number[]}}
 */
export function turnsOf(outputs, entered, token) {
  const start = entered.row(token);
  const rows = outputs.map((output) => output.row(token));
  return {
    before: rows.map((row, layer) => cosineOf(row, layer === 0 ? start : rows[layer - 1])),
    start: rows.map((row) => cosineOf(row, start)),
  };
}

/**
 * Draws the way once the tokens of all layers have come. They are asked for a little later the first
 * time, since they are many and the rest of the step shall not wait for them.
 * @param {Scene} scene
 * @returns {HTMLElement}
 */
export function patchWay(scene) {
  const { facts, text, signal } = scene;
  const place = make("div", "way", make("p", "muted", text("block_coming")));
  const layers = Array.from({ length: facts.architecture.depth }, (_, layer) => layer);
  const show = async () => {
    const [{ tokens }, tensors] = await Promise.all([
      scene.fetch({ layer: ["tokens"], at: { layer: 0 }, dtype: "f16" }),
      scene.fetch({ layer: ["output"], layers, dtype: "f16" }),
    ]);
    ARRIVED.add(facts);
    const outputs = layers.map((layer) => tensors[`layers.${layer}.output`]);
    if (!signal.aborted) place.replaceChildren(...wayOf(scene, outputs, tokens));
  };
  const begin = () => show().catch(() => {}); // left meanwhile; the check says it if the server fails
  if (ARRIVED.has(facts)) begin();
  else {
    const timer = setTimeout(begin, LATER);
    signal.addEventListener("abort", () => clearTimeout(timer));
  }
  return place;
}

/**
 * @param {Scene} scene
 * @param {Tensor[]} outputs
 * @param {Tensor} entered
 */
function wayOf(scene, outputs, entered) {
  const { facts: { architecture }, view, text } = scene;
  const { before, start } = turnsOf(outputs, entered, architecture.tokenOf(view.patch));
  const now = { layer: view.layer, before: number(before[view.layer], 3), start: number(start[view.layer], 3) };
  const chart = depthChart(scene, {
    series: [
      { name: text("step21_before"), values: before, look: "mine" },
      { name: text("step21_start"), values: start, look: "median" },
    ],
    low: Math.min(0, ...before, ...start), high: 1, ticks: [0, 0.5, 1],
    say: (value) => number(value, 3), label: text("step21_way_label"),
  });
  return [chart, make("p", "", text("step21_way", now))];
}
