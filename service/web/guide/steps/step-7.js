/** Step 7: every place of the grid has a vector of its own. */

import { make } from "../../element.js";
import { number } from "../number.js";
import { patchGrid } from "../patches.js";
import { positionWall } from "../position_wall.js";
import { section } from "../section.js";
import { allSimilarities, similarities } from "../similarity.js";
import { tokenMatrix } from "../token_matrix.js";
import { focusOfSum, needsOfSum, summands } from "../token_matrices.js";

const MOST_MAPS = 400; // patches, beyond which the maps are too small to tell apart

/** @type {import("../step.js").Step} */
export default {
  id: "7",
  needs: needsOfSum,

  draw(scene) {
    const { root, view, facts, tensors: { pos_embed: learned }, text } = scene;
    const { patches, registers, classTokens, distillationTokens } = facts.architecture;
    const isSmall = patches <= MOST_MAPS;
    /** @param {number} patch */
    const mapOf = (patch) => {
      const place = classTokens + patch;
      const all = isSmall ? allSimilarities(learned).row(place) : similarities(learned, place);
      return all.subarray(classTokens); // without the class token's
    };
    const heat = mapOf(view.patch);
    const all = isSmall ? Array.from({ length: patches }, (_, patch) => mapOf(patch)) : [heat];
    const range = /** @type {[number, number]} */ ([Math.min(...all.map((map) => Math.min(...map))), 1]);
    const map = patchGrid(scene, { heat, range, strength: 1, label: text("step7_map") });
    const others = heat.map((value, patch) => (patch === view.patch ? -Infinity : value));
    const best = others.indexOf(Math.max(...others));
    const nearest = { patch: facts.architecture.nameOfPatch(best), similarity: number(heat[best], 3) };
    const wall = text("step7_wall");
    const notes = [...(registers ? ["step7_registers"] : []), ...(distillationTokens ? ["step7_distillation"] : [])];
    root.append(
      make("div", "twins",
        section(text("step7_map"), map, ...(patches > 1 ? [make("p", "muted", text("step7_nearest", nearest))] : [])),
        ...(isSmall ? [section(wall, positionWall(scene, mapOf, { label: wall, range }))] : [])),
      section(text("step7_matrix"), ...notes.map((note) => make("p", "note", text(note))), tokenMatrix(scene, {
        tensor: summands(scene).positions, label: text("step7_matrix"), focus: focusOfSum(scene),
      })),
    );
  },

  shapes: ({ facts: { architecture: { patches, classTokens } }, tensors: { pos_embed } }) => [
    { name: "P", what: classTokens ? "step7_shape_positions" : "step7_shape_of_patches", shape: pos_embed.shape },
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
