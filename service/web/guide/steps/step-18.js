/**
 * Step 18: how much attention changes each token.
 */

import { make } from "../../element.js";
import { pinnedToken } from "../cell.js";
import { dot } from "../dot.js";
import { lengthOf } from "../lengths.js";
import { normRatios, ratioMap, ratioTable, sharedRange } from "../norm_ratio.js";
import { addedTo } from "../residual.js";
import { section } from "../section.js";
import { triangle } from "../triangle.js";
import { needed, residualOf } from "./step-17.js";

const SIGN = "\u2016z\u2016 / \u2016X\u2016";

/** @type {import("../step.js").Step} */
export default {
  id: "18",
  byLayer: true,
  needs: (_, { architecture }) => ({ layer: needed(architecture) }),
  draw(scene) {
    const residual = residualOf(scene.tensors);
    const token = pinnedToken(scene);
    const ratios = normRatios(residual);
    const { text, view, facts: { architecture } } = scene;
    const arrows = triangle(scene, {
      input: { name: "X", values: residual.input.row(token) },
      branch: { name: residual.gamma ? "\u03b3z" : "z", values: addedTo(residual, token) },
      output: { name: "h", values: residual.output.row(token) },
    });
    scene.root.append(
      make(
        "div",
        "two-up",
        section(
          text("step18_triangle", { token: architecture.nameOfToken(token) }),
          arrows,
          make("p", "muted", text("step18_plane")),
          ratioTable(scene, [{ sign: SIGN, ratios }]),
          ...(view.layer === 0 && architecture.classTokens ? [make("p", "muted", text("step18_first"))] : []),
        ),
        section(
          text("step18_map"),
          ratioMap(scene, ratios, { label: text("step18_map"), range: sharedRange(scene, [ratios]) }),
        ),
      ),
    );
  },
  shapes: ({ tensors: { attended }, facts: { architecture } }) => [
    { name: "h", what: "block_shape_attended", shape: attended.shape },
    { name: SIGN, what: "step18_shape", shape: [architecture.tokens] },
  ],
  check(scene) {
    const residual = residualOf(scene.tensors);
    const token = pinnedToken(scene);
    const [input, added] = [residual.input.row(token), addedTo(residual, token)];
    const terms = [
      { label: "\u2016X\u2016\u00b2", value: dot(input, input) },
      { label: "\u2016z\u2016\u00b2", value: dot(added, added) },
      { label: "2 X\u00b7z", value: 2 * dot(input, added) },
    ];
    return {
      formula: "\u2016h\u2016 = \u221a(\u2016X\u2016\u00b2 + \u2016z\u2016\u00b2 + 2 X\u00b7z)",
      recomputed: Math.sqrt(terms.reduce((sum, { value }) => sum + value, 0)),
      sent: lengthOf(residual.output.row(token)),
      terms,
    };
  },
};
