/**
 * Step 16: what comes out of attention has the size of what went in.
 */

import { make } from "../../element.js";
import { flow } from "../arrows.js";
import { number, shapeText } from "../number.js";
import { projectedCell, projectionCheck, projectionNeeds } from "../projection.js";
import { section } from "../section.js";
import { strip } from "../strip.js";
import { tokenMatrix } from "../token_matrix.js";

/** @typedef {import("../step.js").Scene} Scene */

/** @param {Scene} scene @returns {HTMLElement} every shape on the way from X to z */
function wayOfShapes({ facts: { architecture }, text }) {
  const { tokens, width, heads, headWidth } = architecture;
  const shapes = /** @type {const} */ ([
    ["X", [tokens, width]], ["O", [heads, tokens, headWidth]], ["concat", [tokens, width]], ["z", [tokens, width]],
  ]);
  const way = flow(shapes.map(([name, shape]) =>
    make("span", "shape-chip", make("b", "", name), ` ${shapeText([...shape])}`),
  ));
  way.setAttribute("aria-label", text("step16_way"));
  return way;
}

/** @type {import("../step.js").Step} */
export default {
  id: "16",
  byLayer: true,
  needs(view, facts) {
    const needs = projectionNeeds(view, facts);
    return { ...needs, layer: [...(needs.layer ?? []), "tokens"] };
  },
  draw(scene) {
    const { root, view, facts, tensors, text } = scene;
    const { architecture } = facts;
    const focus = projectedCell(view, facts);
    const [token, feature] = focus;
    const pairs = /** @type {const} */ ([["X", tensors.tokens], ["z", tensors.projection]]);
    const isSame = String(tensors.tokens.shape) === String(tensors.projection.shape);
    root.append(
      wayOfShapes(scene),
      make("p", "badge-line", make("b", "proof", isSame ? "✓" : "✗"), text("step16_same", {
        x: shapeText(tensors.tokens.shape), z: shapeText(tensors.projection.shape),
      })),
      make("div", "twins", ...pairs.map(([label, tensor]) =>
        tokenMatrix(scene, { tensor, label, caption: text(`step16_${label}`), focus }),
      )),
      section(
        text("step16_row", { token: architecture.nameOfToken(token) }),
        make("div", "thin-strips tall", ...pairs.map(([label, tensor]) =>
          strip({ name: make("b", "", label), values: tensor.row(token), said: number(tensor.at(token, feature)) }),
        )),
        make("p", "muted", text("step16_aligned", { feature })),
      ),
      ...(architecture.layerScale ? [make("p", "note", text("step16_layer_scale"))] : []),
    );
  },
  shapes: ({ tensors }) => [
    { name: "X", what: "shape_tokens", shape: tensors.tokens.shape },
    { name: "z", what: "shape_projection", shape: tensors.projection.shape },
  ],
  check: projectionCheck,
};
