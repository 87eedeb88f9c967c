/**
 * Step 11: softmax turns each row of scores into shares.
 */

import { make } from "../../element.js";
import { cellOf, pinnedToken, strongest } from "../cell.js";
import { number, percent } from "../number.js";
import { patchGrid } from "../patches.js";
import { softmaxOf, sumOf } from "../softmax.js";
import { choiceOf } from "../switch.js";
import { tokenBars } from "../token_bars.js";
import { pairMatrix } from "../token_matrix.js";

/** @typedef {import("../step.js").Scene} Scene */

/** @param {Scene} scene */
function focusOf(scene) {
  const mine = pinnedToken(scene);
  const { attention } = scene.tensors;
  return cellOf(scene.view, attention.shape, [mine, strongest(attention.row(mine))]);
}

/** @param {Scene} scene @param {number} query which row is looked at */
function chooseRow({ text, go, tensors, facts, view }, query) {
  const { architecture } = facts;
  const mine = architecture.tokenOf(view.patch);
  const rows = [{ value: mine, title: text("step11_mine") }];
  if (architecture.classTokens) rows.push({ value: 0, title: text("name_class_token") });
  if (!rows.some(({ value }) => value === query)) {
    rows.push({ value: query, title: architecture.nameOfToken(query) });
  }
  return choiceOf(text("step11_row"), rows, query, (token) =>
    go({ cell: [token, strongest(tensors.attention.row(token))] }),
  );
}

/** Says which tokens there are besides patches. @param {import("../architecture.js").Architecture} architecture */
function othersOf({ classTokens, distillationTokens, prefix }) {
  if (!classTokens || distillationTokens) return "others";
  return prefix > 1 ? "prefix" : "class";
}

/** @type {import("../step.js").Step} */
export default {
  id: "11",
  byLayer: true,
  byHead: true,
  needs: () => ({ head: ["scores", "attention"] }),
  draw(scene) {
    const { root, tensors, facts, text, go } = scene;
    const { architecture } = facts;
    const [query, key] = focusOf(scene);
    const row = tensors.attention.row(query);
    const name = architecture.nameOfToken(query);
    const shared = {
      token: key, mine: pinnedToken(scene),
      onPick: (/** @type {number} */ token) => go({ cell: [query, token] }),
    };
    const patches = row.subarray(architecture.prefix);
    const said = { share: percent(sumOf(row) - sumOf(patches)), others: architecture.nameOfOthers() };
    const badge = make("p", "badge-line", make("b", "proof", `Σ = ${sumOf(row).toFixed(6)}`), text("step11_sum"));
    root.append(
      chooseRow(scene, query),
      make(
        "div",
        "beside",
        make("div", "", pairMatrix(scene, {
          tensor: tensors.attention, label: text("step11_attention"), caption: text("step11_attention"),
          signed: false, focus: [query, key],
        })),
        make(
          "div",
          "",
          patchGrid(scene, { heat: patches, label: text("step11_painted", { token: name }), caption: text("step11_painted", { token: name }), strength: 0.6 }),
          ...(architecture.prefix ? [make("p", "muted", text(`step11_${othersOf(architecture)}`, said))] : []),
        ),
      ),
      make(
        "div",
        "softmax",
        tokenBars(scene, { ...shared, values: tensors.scores.row(query), label: text("step11_before") }),
        make("p", "operation", text("step11_softmax")),
        tokenBars(scene, { ...shared, values: row, label: text("step11_after") }),
        badge,
      ),
    );
  },
  shapes: ({ tensors }) => [
    { name: "S", what: "shape_scores", shape: tensors.scores.shape },
    { name: "A", what: "shape_attention", shape: tensors.attention.shape },
  ],
  check(scene) {
    const { scores, attention } = scene.tensors;
    const [query, key] = focusOf(scene);
    const row = scores.row(query);
    return {
      formula: `A[${query}, ${key}] = exp(${number(row[key])}) / Σ exp(S[${query}, j])`,
      recomputed: softmaxOf(row)[key],
      sent: attention.at(query, key),
    };
  },
};
