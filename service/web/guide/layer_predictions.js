/**
 * What the model would say if it were read out after each layer.
 */

import { make } from "../element.js";
import { depthChart } from "./depth_chart.js";
import { percent } from "./number.js";
import { softmaxOf } from "./softmax.js";

/** @typedef {import("./step.js").Scene} Scene */
/** @typedef {import("./tensor.js").Tensor} Tensor */

const SHOWN = 5; // classes
const TOPS = [0.04, 0.08, 0.2, 0.4, 1]; // where the axis may end
const SHARES = [0, 0.25, 0.5, 0.75, 1];

/**
 * Turns the logits of every layer into probabilities.
 * @param {Tensor} logits [layers, classes]
 * @returns {Float64Array[]} by layer
 */
export function layerProbabilities(logits) {
  return Array.from({ length: logits.shape[0] }, (_, layer) => softmaxOf(logits.row(layer)));
}

/**
 * Gives the classes that matter: those most probable after some layer, the last one's first.
 * @param {Float64Array[]} probabilities by layer
 * @returns {number[]}
 */
export function leadingClasses(probabilities) {
  const last = probabilities[probabilities.length - 1];
  const classes = Array.from(last, (_, index) => index);
  const peak = classes.map((index) => Math.max(...probabilities.map((row) => row[index])));
  const winner = last.indexOf(Math.max(...last));
  peak[winner] = Infinity; // it is shown however unsure the model stays
  const shown = classes.sort((one, other) => peak[other] - peak[one]).slice(0, SHOWN);
  return shown.sort((one, other) => last[other] - last[one]);
}

/**
 * Draws the lines of the leading classes and the bars after the layer that is looked at.
 * @param {Scene} scene
 * @param {Tensor} logits [layers, classes]
 * @returns {HTMLElement}
 */
export function layerPredictions(scene, logits) {
  const { facts: { labels }, view, text } = scene;
  const probabilities = layerProbabilities(logits);
  const classes = leadingClasses(probabilities);
  const series = classes.map((index, place) => ({
    name: labels[index], values: probabilities.map((row) => row[index]), look: `rank-${place}`,
  }));
  const most = Math.max(...probabilities.flatMap((row) => classes.map((index) => row[index])));
  const high = TOPS.find((top) => top >= most) ?? 1;
  const now = probabilities[view.layer];
  const best = now.indexOf(Math.max(...now));
  const said = { layer: view.layer, label: labels[best], share: percent(now[best]) };
  const chart = depthChart(scene, {
    series, low: 0, high, ticks: SHARES.map((share) => share * high),
    say: (value) => percent(value), tickText: (tick) => percent(tick, 0),
    label: text("step21_predictions_label"), height: 280,
  });
  const bars = make("ol", "plain lens", ...classes.map((index, place) => bar(labels[index], now[index], place)));
  bars.setAttribute("aria-label", text("step21_bars_label", { layer: view.layer }));
  return make("div", "two-up", chart, make("div", "", make("p", "verdict", text("step21_says", said)), bars));
}

/** @param {string} name @param {number} probability @param {number} place */
function bar(name, probability, place) {
  const fill = make("span", `fill rank-${place}`);
  fill.style.setProperty("width", `${probability * 100}%`);
  const share = make("data", "", percent(probability));
  share.value = String(probability);
  return make("li", "", make("span", "name", name), share, make("span", "track", fill));
}
