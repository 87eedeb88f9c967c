/**
 * Step 14: every head of every layer.
 */

import { make } from "../../element.js";
import { pinnedToken, strongest } from "../cell.js";
import { percent } from "../number.js";
import { patchGrid } from "../patches.js";
import { softmaxOf, sumOf } from "../softmax.js";
import { wall } from "../wall.js";

/** @typedef {import("../step.js").Scene} Scene */

/** @param {Scene} scene what the chosen head lets the read-out token see of the patches */
function seenBy({ view, tensors }) {
  return tensors.readout_attention.row(view.layer, view.head);
}

/** @type {import("../step.js").Step} */
export default {
  id: "14",
  byLayer: true,
  byHead: true,
  needs: () => ({ whole: ["readout_attention"] }),
  draw(scene) {
    const { root, view, tensors, facts, text } = scene;
    const { architecture } = facts;
    const seen = seenBy(scene);
    const title = text("step14_head", { layer: view.layer, head: view.head });
    const values = {
      rest: text(architecture.prefix > 1 ? "step14_rest_prefix" : "step14_rest_class"),
      patch: architecture.nameOfPatch(strongest(seen)),
      most: percent(seen[strongest(seen)]),
      mine: percent(seen[view.patch]),
      all: percent(sumOf(seen)),
    };
    root.append(
      make("p", "note", text(architecture.readsClassToken ? "step14_class" : "step14_mean")),
      make(
        "div",
        "beside",
        wall(scene, tensors.readout_attention),
        make(
          "div",
          "",
          patchGrid(scene, { heat: seen, label: title, caption: title, strength: 0.6 }),
          make("p", "muted", text("step14_seen", values)),
        ),
      ),
    );
  },
  shapes: ({ tensors: { readout_attention: attention }, facts: { architecture } }) => [
    {
      name: architecture.readsClassToken ? "A[0]" : "Ā",
      what: "shape_wall", shape: attention.shape,
    },
    {
      name: "O", what: "shape_contexts",
      shape: [architecture.heads, architecture.tokens, architecture.headWidth],
    },
  ],
  async check(scene) {
    const { view, facts, fetch } = scene;
    const { readsClassToken, prefix, tokens, patches } = facts.architecture;
    const token = pinnedToken(scene);
    const { scores } = await fetch({ head: ["scores"] });
    const [from, to] = readsClassToken ? [0, 1] : [prefix, tokens];
    let sum = 0;
    for (let row = from; row < to; row++) sum += softmaxOf(scores.row(row))[token];
    return {
      formula: readsClassToken
        ? `softmax(S[0])[${token}]`
        : `Σ softmax(S[i])[${token}] / ${patches}`,
      recomputed: sum / (to - from),
      sent: seenBy(scene)[view.patch],
    };
  },
};
