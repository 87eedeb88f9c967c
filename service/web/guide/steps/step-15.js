/**
 * Step 15: the heads side by side, and mapped back to the model's width.
 */

import { make } from "../../element.js";

import { pinnedToken } from "../cell.js";
import { bandColor } from "../ink.js";
import { number } from "../number.js";
import { projectedCell, projectionCheck, projectionNeeds, projectionParts } from "../projection.js";
import { ranking } from "../ranking.js";
import { section } from "../section.js";
import { tokenMatrix } from "../token_matrix.js";
import { vector } from "../vector.js";

/** @typedef {import("../step.js").Scene} Scene */

/** @param {Scene} scene what every head adds to the focused number of z */
function headSums(scene) {
  const { text, go, view } = scene;
  const { heads, bias } = projectionParts(scene);
  const list = ranking(text("step15_sum"), [
    ...heads.map((value, head) => {
      const sign = make("span", "swatch");
      sign.style.setProperty("background", bandColor(head, heads.length));
      return {
        name: text("step15_head", { head }), value, sign,
        isChosen: head === view.head,
        onPick: () => go({ head, cell: view.cell }),
      };
    }),
    { name: text("step15_bias"), value: bias },
  ]);
  list.classList.add("in-lines");
  return list;
}

/** @type {import("../step.js").Step} */
export default {
  id: "15",
  byLayer: true,
  byHead: true,
  needs: projectionNeeds,
  draw(scene) {
    const { root, view, facts, tensors, text, go } = scene;
    const { architecture } = facts;
    const focus = projectedCell(view, facts);
    const [token, feature] = focus;
    const name = architecture.nameOfToken(token);
    /** @param {number} j */
    const headOf = (j) => Math.floor(j / architecture.headWidth);
    /** @param {number} j */
    const columnName = (j) =>
      text("step15_place", { head: headOf(j), feature: j % architecture.headWidth });
    root.append(
      section(
        text("step15_mine"),
        vector(scene, {
          values: tensors.merged.row(pinnedToken(scene)), label: text("step15_mine"), rowName: text("mark_mine", { patch: view.patch }),
          name: columnName, bands: architecture.heads, focus: view.head * architecture.headWidth,
          onPick: (j) => go({ head: headOf(j), cell: view.cell }),
        }),
      ),
      make(
        "div",
        "twins",
        tokenMatrix(scene, {
          tensor: tensors.merged, label: "concat", caption: text("step15_concat"), bands: architecture.heads,
          columnName, focus: [token, view.head * architecture.headWidth],
          onPick: (i, j) => go({ cell: [i, feature], head: headOf(j) }),
        }),
        tokenMatrix(scene, { tensor: tensors.projection, label: "z", caption: text("step15_z"), focus }),
      ),
      section(
        text("step15_cell", { token: name, feature }),
        headSums(scene),
        make("p", "formula", text("step15_total", { total: number(tensors.projection.at(token, feature)) })),
      ),
    );
  },
  shapes: ({ tensors: { merged, projection }, facts: { architecture } }) => [
    {
      name: "O", what: "shape_contexts",
      shape: [architecture.heads, architecture.tokens, architecture.headWidth],
    },
    { name: "concat", what: "shape_merged", shape: merged.shape },
    { name: "Wo", what: "shape_proj_weight", shape: [architecture.width, architecture.width] },
    { name: "z", what: "shape_projection", shape: projection.shape },
  ],
  check: projectionCheck,
};
