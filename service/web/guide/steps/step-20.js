/**
 * Step 20: what the feed-forward computed is added too; the layer's output is as large as its input.
 */

import { make } from "../../element.js";
import { pinnedToken } from "../cell.js";
import { normRatios, ratioMap, ratioTable, sharedRange } from "../norm_ratio.js";
import { addedTo, drawResidual, residualCheck } from "../residual.js";
import { section } from "../section.js";
import { triangle } from "../triangle.js";
import { needed, residualOf as attentionOf } from "./step-17.js";

/** @typedef {import("../step.js").Scene} Scene */

const SIGNS = {
  input: "h", branch: "f", output: "X\u2032", gamma: "\u03b3", norm: "block_norm2", doing: "block_feed_forward",
};

/** @param {Scene} scene @returns {import("../residual.js").Residual} */
function residualOf({ tensors: { attended, feed_forward, output, ls2_gamma } }) {
  return { input: attended, branch: feed_forward, output, gamma: ls2_gamma };
}

/** @type {import("../step.js").Step} */
export default {
  id: "20",
  byLayer: true,
  needs: (_, { architecture }) => ({
    layer: [...needed(architecture), "feed_forward", "output", ...(architecture.layerScale ? ["ls2_gamma"] : [])],
  }),
  draw(scene) {
    const residual = residualOf(scene);
    const { facts: { architecture }, text } = scene;
    const token = pinnedToken(scene);
    const [first, second] = [attentionOf(scene.tensors), residual].map(normRatios);
    const range = sharedRange(scene, [first, second]);
    const columns = [
      { sign: "\u2016z\u2016 / \u2016X\u2016", ratios: first },
      { sign: "\u2016f\u2016 / \u2016h\u2016", ratios: second },
    ];
    const arrows = triangle(scene, {
      input: { name: "h", values: residual.input.row(token) },
      branch: { name: residual.gamma ? "\u03b3f" : "f", values: addedTo(residual, token) },
      output: { name: "X\u2032", values: residual.output.row(token) },
    });
    /** @param {string} key @param {Float32Array} ratios */
    const map = (key, ratios) => section(text(key), ratioMap(scene, ratios, { label: text(key), range }));
    drawResidual(scene, residual, SIGNS);
    scene.root.append(
      make(
        "div",
        "two-up",
        section(text("step20_triangle", { token: architecture.nameOfToken(token) }), arrows),
        section(text("step20_shares"), ratioTable(scene, columns)),
        map("step20_attention", first),
        map("step20_feed_forward", second),
      ),
    );
  },
  shapes: ({ tensors: { attended, feed_forward, output } }) => [
    { name: "h", what: "block_shape_attended", shape: attended.shape },
    { name: "f", what: "step20_shape_feed_forward", shape: feed_forward.shape },
    { name: "X\u2032", what: "step20_shape_output", shape: output.shape },
  ],
  check: (scene) => residualCheck(scene, residualOf(scene), SIGNS),
};
