/** Step 7: every place of the grid has a vector of its own. */

import { make } from "../../element.js";
import { number } from "../number.js";
import { patchGrid } from "../patches.js";
import { positionWall } from "../position_wall.js";
import { section } from "../section.js";
import { similarities } from "../similarity.js";
import { Tensor } from "../tensor.js";
import { tokenMatrix } from "../token_matrix.js";
import { focusOfSum, needsOfSum, summands } from "../token_matrices.js";

const MOST_MAPS = 400; // patches, beyond which the maps are too small to tell apart

/** @type {import("../step.js").Step} */
export default {
  id: "7",
  needs: needsOfSum,

  draw(scene) {
    const { root, view, facts, tensors: { pos_embed: learned }, text } = scene;
    const { patches, width, registers } = facts.architecture;
    const positions = new Tensor([patches, width], learned.data.subarray(width)); // without the class token's
    const heat = similarities(positions, view.patch);
    const map = patchGrid(scene, { heat, signed: true, range: [-1, 1], strength: 0.88, label: text("step7_map") });
    const nearest = heat.map((value, patch) => (patch === view.patch ? -Infinity : value));
    const best = nearest.indexOf(Math.max(...nearest));
    const said = { patch: facts.architecture.nameOfPatch(best), similarity: number(heat[best], 3) };
    root.append(
      make("div", "twins",
        section(text("step7_map"), map, ...(patches > 1 ? [make("p", "muted", text("step7_nearest", said))] : [])),
        ...(patches > MOST_MAPS ? [] : [section(text("step7_wall"), positionWall(scene, positions, text("step7_wall")))])),
      section(text("step7_matrix"), ...(registers ? [make("p", "note", text("step7_registers"))] : []), tokenMatrix(scene, {
        tensor: summands(scene).positions, label: text("step7_matrix"), focus: focusOfSum(scene),
      })),
    );
  },

  shapes: ({ facts: { architecture: { patches, width } } }) => [
    { name: "P", what: "step7_shape_positions", shape: [1 + patches, width] },
    { name: "cos", what: "step7_shape_similarity", shape: [patches, patches] },
  ],

  check(scene) {
    const [token, feature] = focusOfSum(scene);
    const { embeddings, positions, sum } = summands(scene);
    return {
      formula: `X\u2080[${token}, ${feature}] \u2212 E[${token}, ${feature}]`,
      recomputed: sum.at(token, feature) - embeddings.at(token, feature),
      sent: positions.at(token, feature),
    };
  },
};
