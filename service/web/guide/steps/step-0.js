/**
 * Step 0: supervised training, images with labels.
 */

import { make } from "../../element.js";
import { gallery, otherLabels } from "../gallery.js";
import { percent } from "../number.js";

/** @type {import("../step.js").Step} */
export default {
  id: "0",
  needs: () => ({ whole: ["probabilities"] }),
  draw: (scene) => {
    scene.root.append(gallery(scene), make("p", "muted", scene.text("step0_drawings")), ...otherLabels(scene), card(scene));
  },
  shapes: ({ facts }) => [
    { name: "x", what: "step0_images", shape: /** @type {any} */ (["k", 3, ...facts.pixels.shape.slice(0, 2)]) },
    { name: "y", what: "step0_of_k", shape: /** @type {any} */ (["k"]) },
  ],
  check: ({ facts, tensors }) => accuracyCheck(facts.contract.provenance?.metrics?.test) ?? {
    formula: "\u2211 p",
    recomputed: Array.from(tensors.probabilities.data).reduce((sum, value) => sum + value, 0),
    sent: 1,
  },
};

/**
 * Says what the model's card says of its training.
 * @param {import("../step.js").Scene} scene
 */
function card({ facts, text }) {
  const { dataset, epochs, images_seen: seen, metrics } = facts.contract.provenance ?? {};
  const test = metrics?.test;
  const lines = [
    dataset && ["step0_dataset", dataset],
    seen && ["step0_seen", text("step0_seen_value", { seen: seen.toLocaleString("en"), epochs: Math.round(epochs ?? 0) })],
    test?.top1 !== undefined && ["step0_test", text("step0_test_value", { share: percent(test.top1, 2), images: (test.images ?? 0).toLocaleString("en") })],
  ].filter(Boolean);
  return make("dl", "about", ...lines.flatMap(([name, value]) => [make("dt", "", text(name)), make("dd", "", value)]));
}

/**
 * Counts the right answers again, from the confusion matrix of the model's card.
 * @param {{confusion?: number[][], top1?: number} | undefined} test
 * @returns {import("../step.js").Check | null}
 */
function accuracyCheck(test) {
  if (!test?.confusion || test.top1 === undefined) return null;
  const all = test.confusion.flat().reduce((sum, count) => sum + count, 0);
  const right = test.confusion.reduce((sum, row, label) => sum + row[label], 0);
  return { formula: `${right} / ${all}`, recomputed: right / all, sent: test.top1 };
}
