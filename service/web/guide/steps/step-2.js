/**
 * Step 2: the picture cut into equal patches.
 */

import { make } from "../../element.js";
import { patchPixels } from "../mine.js";
import { patchGrid } from "../patches.js";

/** @type {import("../step.js").Step} */
export default {
  id: "2",
  needs: () => ({ whole: ["patches", "pixel_values"] }),
  draw: (scene) => {
    const { facts: { architecture }, text, root } = scene;
    const { rows, columns, patches: count, patchSize: size } = architecture;
    root.append(
      patchGrid(scene, {
        label: text("step2_label"), caption: text("step2_count", { rows, columns, count, size }), maxSide: 440, gap: columns > 10 ? 4 : 8,
      }),
      patchRow(scene),
    );
  },
  shapes: ({ facts: { pixels, architecture: { rows, columns, patchSize } } }) => [
    { name: "x", what: "step2_pixels", shape: pixels.shape },
    { name: "", what: "step2_grid", shape: [rows, columns] },
    { name: "p", what: "step2_patch", shape: [patchSize, patchSize, 3] },
  ],
  check: ({ view: { patch }, facts: { architecture }, tensors, text }) => {
    const { columns, patchSize } = architecture;
    const { row, column } = architecture.placeOf(patch);
    const [top, left] = [row * patchSize, column * patchSize];
    return {
      formula: text("step2_formula", { patch, columns, size: patchSize, top, left }),
      recomputed: tensors.pixel_values.at(0, top, left),
      sent: tensors.patches.at(patch, 0),
    };
  },
};

/**
 * Shows the patches one after another. A click pins one; the keys do so in the grid above.
 * @param {import("../step.js").Scene} scene
 */
function patchRow({ facts, view, text, go }) {
  const count = facts.architecture.patches;
  const list = make("div", "patch-row", ...Array.from({ length: count }, (_, patch) => {
    const canvas = patchPixels(facts, patch);
    canvas.dataset.patch = String(patch);
    canvas.title = facts.architecture.nameOfPatch(patch);
    canvas.classList.toggle("mine", patch === view.patch);
    return canvas;
  }));
  list.setAttribute("role", "img");
  list.setAttribute("aria-label", text("step2_row_label", { count, patch: view.patch }));
  list.addEventListener("click", ({ target }) => {
    if (target instanceof HTMLElement && target.dataset.patch) go({ patch: Number(target.dataset.patch) });
  });
  return make("figure", "", make("figcaption", "", text("step2_row")), list);
}
