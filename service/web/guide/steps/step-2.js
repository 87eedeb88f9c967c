/**
 * Step 2: the picture cut into equal patches.
 */

import { patchGrid } from "../patches.js";

/** @type {import("../step.js").Step} */
export default {
  id: "2",
  needs: () => ({ whole: ["patches"] }),
  draw: (scene) => {
    scene.root.append(patchGrid(scene, { label: scene.text("step2_title"), maxSide: 480 }));
  },
  shapes: ({ facts, tensors }) => [
    { name: "x", what: "step2_pixels", shape: facts.pixels.shape },
    { name: "p", what: "step2_patches", shape: tensors.patches.shape },
  ],
  check: () => null,
};
