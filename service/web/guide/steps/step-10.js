/**
 * Step 10: the score of every query with every key.
 */

import { make } from "../../element.js";
import { cellOf, pinnedToken } from "../cell.js";
import { dot } from "../dot.js";
import { number } from "../number.js";
import { pair } from "../pair.js";
import { section } from "../section.js";
import { strip } from "../strip.js";
import { dotProduct } from "../sum.js";
import { pairMatrix } from "../token_matrix.js";

/** @typedef {import("../step.js").Scene} Scene */

/** @param {Scene} scene @returns {[number, number]} the pinned query and its best key at first */
function focusOf(scene) {
  const mine = pinnedToken(scene);
  const { scores } = scene.tensors;
  const row = scores.row(mine);
  return cellOf(scene.view, scores.shape, [mine, row.indexOf(Math.max(...row))]);
}

/**
 * @param {Scene} scene
 * @param {number} query
 * @param {number} key
 */
function meeting(scene, query, key) {
  const { tensors, facts, text } = scene;
  const { headWidth } = facts.architecture;
  const [asking, asked] = [tensors.query.row(query), tensors.key.row(key)];
  const [left, right] = [`q[${query}]`, `k[${key}]`];
  const sum = dot(asking, asked);
  const values = { sum: number(sum), root: headWidth, score: number(tensors.scores.at(query, key)) };
  return {
    seen: [
      pair(scene, query, key),
      make(
        "div",
        "thin-strips",
        strip({ name: left, values: asking, hue: "query" }),
        strip({ name: right, values: asked, hue: "key" }),
        strip({ name: text("step10_products"), values: asking.map((value, at) => value * asked[at]) }),
      ),
      make("p", "formula", text("step10_sum", values)),
    ],
    summed: dotProduct(scene, {
      left: { name: left, values: asking },
      right: { name: right, values: asked },
      scale: headWidth ** -0.5,
      scaleName: `1/√${headWidth}`,
      total: tensors.scores.at(query, key),
    }),
  };
}

/** @type {import("../step.js").Step} */
export default {
  id: "10",
  byLayer: true,
  byHead: true,
  needs: () => ({ head: ["query", "key", "scores"] }),
  draw(scene) {
    const { root, tensors, text } = scene;
    const focus = focusOf(scene);
    const first = meeting(scene, ...focus);
    const seen = make("div", "meeting", ...first.seen);
    const summed = section(text("step10_terms"), first.summed);
    let frame = 0;
    /** @param {number} query @param {number} key */
    const onPoint = (query, key) => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => {
        const next = meeting(scene, query, key);
        seen.replaceChildren(...next.seen);
        summed.lastElementChild?.replaceWith(next.summed);
      });
    };
    const label = text("step10_scores");
    root.append(
      make("div", "beside", pairMatrix(scene, { tensor: tensors.scores, label, caption: label, focus, onPoint }), seen),
      summed,
    );
  },
  shapes: ({ tensors }) => [
    { name: "Q", what: "shape_query", shape: tensors.query.shape },
    { name: "Kᵀ", what: "shape_key", shape: [...tensors.key.shape].reverse() },
    { name: "S", what: "shape_scores", shape: tensors.scores.shape },
  ],
  check(scene) {
    const { tensors, facts } = scene;
    const [query, key] = focusOf(scene);
    const { headWidth } = facts.architecture;
    return {
      formula: `S[${query}, ${key}] = q[${query}] · k[${key}] / √${headWidth}`,
      recomputed: dot(tensors.query.row(query), tensors.key.row(key)) / Math.sqrt(headWidth),
      sent: tensors.scores.at(query, key),
    };
  },
};
