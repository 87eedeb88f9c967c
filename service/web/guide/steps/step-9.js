/**
 * Step 9: query, key and value of every token, in one head. The focused cell's column counts
 * through all three side by side, as `qkv` holds them.
 */

import { make } from "../../element.js";
import { cellOf, pinnedToken } from "../cell.js";
import { dot } from "../dot.js";
import { section } from "../section.js";
import { strip } from "../strip.js";
import { dotProduct } from "../sum.js";
import { tokenMatrix } from "../token_matrix.js";

/** @typedef {import("../step.js").Scene} Scene */

const KINDS = /** @type {const} */ (["query", "key", "value"]);

/**
 * @param {import("../view.js").View} view
 * @param {import("../facts.js").Facts} facts
 */
function focusOf(view, { architecture: { tokens, headWidth, prefix } }) {
  const [token, column] = cellOf(view, [tokens, 3 * headWidth], [prefix + view.patch, 0]);
  return { token, kind: KINDS[Math.floor(column / headWidth)], unit: column % headWidth };
}

/** @param {Scene} scene */
function sumOf({ view, facts, tensors }) {
  const { token, kind, unit } = focusOf(view, facts);
  return {
    token, kind, unit,
    left: tensors.norm1.row(token),
    right: tensors[`${kind}_weight`].row(0),
    bias: tensors[`${kind}_bias`].data[unit],
    sent: tensors[kind].at(token, unit),
  };
}

/** @type {import("../step.js").Step} */
export default {
  id: "9",
  byLayer: true,
  byHead: true,
  needs(view, facts) {
    const { kind, unit } = focusOf(view, facts);
    const head = [...KINDS, `${kind}_bias`];
    return { layer: ["norm1"], head, units: { [`${kind}_weight`]: [unit] } };
  },
  draw(scene) {
    const { root, view, tensors, facts, text, go } = scene;
    const { architecture } = facts;
    const { token, kind, unit, left, right, bias, sent } = sumOf(scene);
    const mine = pinnedToken(scene);
    const panels = KINDS.map((each, place) =>
      make(
        "section",
        each === kind ? `panel ${each} chosen` : `panel ${each}`,
        make("h3", "", make("b", `chip ${each}`, each[0]), text(`step9_${each}`)),
        make("p", "muted", text(`step9_${each}_means`)),
        tokenMatrix(scene, {
          tensor: tensors[each], label: text(`step9_${each}`), hue: each,
          focus: [token, unit],
          onPick: (i, j) => go({ cell: [i, place * architecture.headWidth + j] }),
        }),
        strip({ name: make("span", "yours", text("mark_mine", { patch: view.patch })), values: tensors[each].row(mine), hue: each }),
      ),
    );
    const values = { kind: text(`step9_${kind}`), token: architecture.nameOfToken(token), unit };
    root.append(
      make("div", "panels", ...panels),
      section(
        text("step9_cell", values),
        dotProduct(scene, {
          left: { name: "LN(x)", values: left },
          right: { name: `W${kind[0]}`, values: right },
          bias, total: sent,
        }),
      ),
    );
  },
  shapes: ({ tensors }) =>
    KINDS.map((kind) => ({
      name: kind[0].toUpperCase(), what: `shape_${kind}`, shape: tensors[kind].shape,
    })),
  check(scene) {
    const { token, kind, unit, left, right, bias, sent } = sumOf(scene);
    const sign = kind[0];
    return {
      formula: `${sign}[${token}, ${unit}] = LN(x)[${token}] · W${sign}[${unit}] + b${sign}[${unit}]`,
      recomputed: dot(left, right) + bias, sent,
    };
  },
};
