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

/** How the formula calls what is read out of attention. @type {Record<string, string>} */
const NAMES = { class: "A[0]", mean: "Ā", class_mean: "(A[0] + Ā) / 2", class_distillation: "(A[0] + A[1]) / 2" };

/** @param {Scene} scene what the chosen head lets what is read out see of the patches */
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
      rest: restOf(scene),
      patch: architecture.nameOfPatch(strongest(seen)),
      most: percent(seen[strongest(seen)]),
      mine: percent(seen[view.patch]),
      all: percent(sumOf(seen)),
    };
    root.append(
      make("p", "note", text(`step14_${architecture.reading}`)),
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
    { name: NAMES[architecture.reading], what: "shape_wall", shape: attention.shape },
    {
      name: "O", what: "shape_contexts",
      shape: [architecture.heads, architecture.tokens, architecture.headWidth],
    },
  ],
  async check(scene) {
    const { view, facts: { architecture }, fetch } = scene;
    const token = pinnedToken(scene);
    const { scores } = await fetch({ head: ["scores"] });
    const shares = architecture.parts.map(({ from, to }) => {
      let sum = 0;
      for (let row = from; row < to; row++) sum += softmaxOf(scores.row(row))[token];
      return sum / (to - from);
    });
    const terms = architecture.parts.map(({ kind, from }) => (kind === "mean"
      ? `Σ softmax(S[i])[${token}] / ${architecture.patches}`
      : `softmax(S[${from}])[${token}]`));
    return {
      formula: terms.length > 1 ? `(${terms.join(" + ")}) / ${terms.length}` : terms[0],
      recomputed: shares.reduce((sum, share) => sum + share, 0) / shares.length,
      sent: seenBy(scene)[view.patch],
    };
  },
};

/** Says where the attention goes that is not on patches. @param {Scene} scene */
function restOf({ facts: { architecture }, text }) {
  const { classTokens, distillationTokens, prefix } = architecture;
  if (!prefix) return text("step14_rest_none");
  if (!classTokens || distillationTokens) return text("step14_rest_others", { others: architecture.nameOfOthers() });
  return text(prefix > 1 ? "step14_rest_prefix" : "step14_rest_class");
}
