/** Step 3: the pinned patch becomes a vector of its pixel values. */

import { levelOf, normalizationOf, placeOf } from "../flat_patch.js";
import { flattening } from "../flattening.js";
import { cellOf } from "../cell.js";
import { number } from "../number.js";

/** @param {import("../step.js").Scene} scene @returns {number} the number that is looked at */
function chosenOf({ view, tensors }) {
  return cellOf(view, tensors.patches.shape, [view.patch, 0])[1];
}

/** @type {import("../step.js").Step} */
export default {
  id: "3",
  needs: () => ({ whole: ["patches"] }),

  draw(scene) {
    const { root, view, tensors, go } = scene;
    const pick = (/** @type {number} */ index) => go({ cell: [view.patch, index] });
    root.append(flattening(scene, tensors.patches.row(view.patch), chosenOf(scene), pick));
  },

  shapes: ({ facts: { architecture: { patchSize } }, tensors: { patches } }) => [
    { name: "p", what: "step3_shape_patch", shape: [patchSize, patchSize, 3] },
    { name: "p\u2032", what: "step3_shape_vector", shape: [patches.shape[1]] },
  ],

  check(scene) {
    const { facts, view, tensors } = scene;
    const index = chosenOf(scene);
    const place = placeOf(index, facts.architecture.patchSize);
    const level = levelOf(facts, view.patch, place);
    const { rescale, mean, std } = normalizationOf(facts, place.channel);
    const scaled = Math.abs(rescale * 255 - 1) < 1e-9 ? `${level} / 255` : `${level} \u00b7 ${number(rescale)}`;
    return {
      formula: `(${scaled} \u2212 ${number(mean)}) / ${number(std)}`,
      recomputed: (level * rescale - mean) / std,
      sent: tensors.patches.at(view.patch, index),
    };
  },
};
