/**
 * Step 12: the class token's row of the context, a weighted sum of values; the pinned patch's where
 * the model has no class token.
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

/** @param {Scene} scene @returns {number} the token whose row is looked at */
function tokenOf(scene) {
  return scene.facts.architecture.classTokens ? 0 : pinnedToken(scene);
}

/** @param {Scene} scene @returns {number} the feature of the row that is looked at */
function featureOf(scene) {
  const row = scene.tensors.context.row(tokenOf(scene));
  return cellOf(scene.view, scene.tensors.context.shape, [0, strongest(row)])[1];
}

/** @param {Scene} scene */
function contributors(scene) {
  const { facts, tensors, text, go } = scene;
  const { architecture } = facts;
  const mine = pinnedToken(scene);
  const sorted = contributionsOf(tensors.attention.row(tokenOf(scene)), tensors.value).sort(
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
  const { classTokens, reading } = architecture;
  return !classTokens || reading === "class" ? [] : [make("p", "note", text(`step12_${reading}`))];
}

/** @type {import("../step.js").Step} */
export default {
  id: "12",
  byLayer: true,
  byHead: true,
  wording: ({ architecture }) => (architecture.classTokens ? null : { title: "step12_title_none", text: "step12_text_none" }),
  needs: () => ({ head: ["attention", "value", "context"] }),
  draw(scene) {
    const { root, tensors, facts, text, go } = scene;
    const { architecture } = facts;
    const [token, feature] = [tokenOf(scene), featureOf(scene)];
    const sizes = contributionsOf(tensors.attention.row(token), tensors.value).map(({ size }) => size);
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
        text("step12_context", { token, feature }),
        vector(scene, {
          values: tensors.context.row(token), label: `O[${token}]`, signed: true, focus: feature, hue: "value",
          name: (j) => text("feature", { feature: j }),
          onPick: (j) => go({ cell: [token, j] }),
        }),
        dotProduct(scene, {
          left: { name: `A[${token}]`, values: tensors.attention.row(token) },
          right: { name: `V[·, ${feature}]`, values: columnOf(tensors.value, feature) },
          total: tensors.context.at(token, feature),
          termName: shortNames(scene),
        }),
      ),
    );
  },
  shapes(scene) {
    const { facts: { architecture: { classTokens } }, tensors: { attention, value, context } } = scene;
    const [token, whose] = [tokenOf(scene), classTokens ? "" : "_patch"];
    return [
      { name: `A[${token}]`, what: `shape_attention_row${whose}`, shape: [1, attention.shape[1]] },
      { name: "V", what: "shape_value", shape: value.shape },
      { name: `O[${token}]`, what: `shape_context_row${whose}`, shape: [1, context.shape[1]] },
    ];
  },
  check(scene) {
    const { attention, value, context } = scene.tensors;
    const [token, feature] = [tokenOf(scene), featureOf(scene)];
    return {
      formula: `O[${token}, ${feature}] = Σ A[${token}, j] · V[j, ${feature}]`,
      recomputed: dot(attention.row(token), columnOf(value, feature)),
      sent: context.at(token, feature),
    };
  },
};
