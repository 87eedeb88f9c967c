/**
 * How this very model was trained, from its card: its curves, and what its test set says.
 */

import { make } from "../element.js";
import { lineChart } from "./chart.js";
import { number, percent } from "./number.js";

/**
 * @typedef {{images: number, top1: number, log_loss: number, calibration_error: number,
 *   confusion?: number[][]}} Metrics
 */

const CURVES = /** @type {const} */ (["loss", "validation_accuracy", "learning_rate"]);

/**
 * @param {import("./step.js").Scene} scene
 * @returns {HTMLElement} the curves that the card has, or that it has none
 */
export function trainingCurves(scene) {
  const { facts, text } = scene;
  const { history = [], recipe, epochs } = facts.contract.provenance;
  const charts = CURVES.flatMap((key) => {
    const rows = history.filter((/** @type {any} */ row) => Number.isFinite(row[key]));
    if (rows.length < 2) return [];
    const [name, xName] = [text(`step24_metric_${key}`), text("step24_epoch")];
    const values = rows.map((/** @type {any} */ row) => row[key]);
    const x = rows.map((/** @type {any} */ row, /** @type {number} */ index) => row.epoch ?? index + 1);
    const label = text("step24_curve", { name, first: number(values[0]), last: number(values.at(-1)) });
    const chart = lineChart(scene, { series: [{ name, values, x }], xName, yName: "", label });
    return [make("figure", "", make("figcaption", "", label), chart)];
  });
  if (charts.length === 0) return make("p", "", text("step24_no_history"));
  const said = text("step24_history", { recipe, epochs: number(epochs) });
  return make("div", "counted", make("p", "", said), make("div", "training-curves", ...charts));
}

/**
 * @param {import("./facts.js").Facts} facts
 * @returns {Metrics | null} what was measured on the test set
 */
export function testMetrics({ contract }) {
  return contract.provenance.metrics?.test ?? null;
}

/**
 * @param {import("./step.js").Scene} scene
 * @param {number | null} loss of the visitor's picture
 * @returns {HTMLElement} what the test set says of the model, and of this loss
 */
export function testSaid({ facts, text }, loss) {
  const metrics = testMetrics(facts);
  if (!metrics) return make("p", "", text("step24_no_test"));
  const { images, top1, log_loss: mean, calibration_error: error } = metrics;
  const said = make("div", "test-said");
  const told = text("step24_test", {
    images: images.toLocaleString(),
    top1: percent(top1),
    mean: number(mean),
    error: percent(error),
  });
  said.append(make("p", "", told));
  if (loss !== null) {
    const key = loss < mean ? "step24_easier" : "step24_harder";
    said.append(make("p", "", text(key, { loss: number(loss), mean: number(mean) })));
  }
  return said;
}
