/**
 * What the model took the pictures of each class for, counted on the test set.
 */

import { make } from "../element.js";
import { ranked } from "./cross_entropy.js";
import { matrix } from "./matrix.js";
import { percent } from "./number.js";
import { shareBar } from "./share_bar.js";
import { Tensor } from "./tensor.js";

const MOST_CLASSES = 20; // of the whole matrix
const MOST_ROWS = 6;

/**
 * @param {import("./step.js").Scene} scene
 * @param {{confusion: number[][], label: number}} options
 * @returns {HTMLElement}
 */
export function confusionOf(scene, { confusion, label }) {
  const { facts, text } = scene;
  const { labels } = facts;
  /** @type {HTMLElement[]} */
  const parts = [row(scene, confusion[label], label)];
  if (labels.length <= MOST_CLASSES) {
    const counts = new Tensor([labels.length, labels.length], Float32Array.from(confusion.flat()));
    const whole = matrix(scene, {
      tensor: counts,
      label: text("step24_confusion_label"),
      rowName: (index) => text("step24_true", { label: labels[index] }),
      columnName: (index) => text("step24_said", { label: labels[index] }),
      signed: false,
      focus: [label, label],
      caption: text("step24_confusion_caption"),
    });
    parts.push(whole);
  }
  const heading = make("h4", "", text("step24_confusion_heading", { label: labels[label] }));
  return make("div", "confusion", heading, make("div", "side-by-side", ...parts));
}

/**
 * @param {import("./step.js").Scene} scene
 * @param {number[]} counts
 * @param {number} label
 */
function row({ facts, text }, counts, label) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return make("p", "", text("step24_confusion_none", { label: facts.labels[label] }));
  const shown = ranked(counts).slice(0, MOST_ROWS).filter((index) => counts[index] > 0);
  const items = shown.map((index) => {
    const share = counts[index] / total;
    const name = text("step24_confusion_count", { label: facts.labels[index], count: counts[index] });
    return make("li", "", make("span", "name", name), make("span", "share", percent(share)), shareBar(share));
  });
  const said = text("step24_confusion", { label: facts.labels[label], total: total.toLocaleString() });
  return make("div", "counted", make("p", "", said), make("ol", "plain counts", ...items));
}
