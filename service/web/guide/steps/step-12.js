/**
 * Step 12: the class token's row of the context, a weighted sum of values.
 */

import { make } from "../../element.js";
import { cellOf, pinnedToken, strongest } from "../cell.js";
import { contributionsOf } from "../contribution.js";
import { columnOf, dot } from "../dot.js";
import { number, percent } from "../number.js";
import { patchGrid } from "../patches.js";
import { patchCanvas } from "../pixels.js";
import { ranking } from "../ranking.js";
import { section } from "../section.js";
import { dotProduct } from "../sum.js";
import { shortNames } from "../token_matrix.js";
import { vector } from "../vector.js";

/** @typedef {import("../step.js").Scene} Scene */

const SHOWN = 6; // contributors, and the pinned patch besides

/** @param {Scene} scene @returns {number} the feature of O[0] that is looked at */
function featureOf({ view, tensors }) {
  const { context } = tensors;
  return cellOf(view, [1, context.shape[1]], [0, strongest(context.row(0))])[1];
}

/** @param {Scene} scene */
function contributors(scene) {
  const { facts, tensors, text, go } = scene;
  const { architecture } = facts;
  const mine = pinnedToken(scene);
  const sorted = contributionsOf(tensors.attention.row(0), tensors.value).sort(
    (left, right) => right.size - left.size,
  );
  const shown = sorted.filter(({ token }, place) => place < SHOWN || token === mine);
  return ranking(
    text("step12_ranking"),
    shown.map(({ token, weight, length, size }) => {
      const patch = architecture.patchOf(token);
      return {
        name: architecture.nameOfToken(token),
        value: size,
        note: `${percent(weight)} × ${number(length)}`,
        sign: patch === null ? undefined : patchCanvas(facts, patch),
        isMine: token === mine,
        onPick: patch === null ? undefined : () => go({ patch }),
      };
    }),
  );
}

/** @param {Scene} scene */
function noteOf({ facts: { architecture }, text }) {
  return architecture.readsClassToken ? [] : [make("p", "note", text("step12_mean"))];
}

/** @type {import("../step.js").Step} */
export default {
  id: "12",
  byLayer: true,
  byHead: true,
  needs: () => ({ head: ["attention", "value", "context"] }),
  draw(scene) {
    const { root, tensors, facts, text, go } = scene;
    const { architecture } = facts;
    const feature = featureOf(scene);
    const sizes = contributionsOf(tensors.attention.row(0), tensors.value).map(({ size }) => size);
    const heat = Float32Array.from(sizes.slice(architecture.prefix));
    root.append(
      ...noteOf(scene),
      make(
        "div",
        "beside",
        patchGrid(scene, { heat, label: text("step12_painted"), caption: text("step12_painted"), strength: 0.6 }),
        make("div", "", make("h3", "", text("step12_ranking")), contributors(scene)),
      ),
      section(
        text("step12_context", { feature }),
        vector(scene, {
          values: tensors.context.row(0), label: "O[0]", signed: true, focus: feature, hue: "value",
          name: (j) => text("feature", { feature: j }),
          onPick: (j) => go({ cell: [0, j] }),
        }),
        dotProduct(scene, {
          left: { name: "A[0]", values: tensors.attention.row(0) },
          right: { name: `V[·, ${feature}]`, values: columnOf(tensors.value, feature) },
          total: tensors.context.at(0, feature),
          termName: shortNames(scene),
        }),
      ),
    );
  },
  shapes: ({ tensors: { attention, value, context } }) => [
    { name: "A[0]", what: "shape_attention_row", shape: [1, attention.shape[1]] },
    { name: "V", what: "shape_value", shape: value.shape },
    { name: "O[0]", what: "shape_context_row", shape: [1, context.shape[1]] },
  ],
  check(scene) {
    const { attention, value, context } = scene.tensors;
    const feature = featureOf(scene);
    return {
      formula: `O[0, ${feature}] = Σ A[0, j] · V[j, ${feature}]`,
      recomputed: dot(attention.row(0), columnOf(value, feature)),
      sent: context.at(0, feature),
    };
  },
};
