/**
 * Step 10: the score of every query with every key.
 */

import { make } from "../../element.js";
import { cellOf, pinnedToken, strongest } from "../cell.js";
import { dot } from "../dot.js";
import { pair } from "../pair.js";
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
  return [
    pair(scene, query, key),
    dotProduct(scene, {
      left: { name: `${text("short_query")}[${query}]`, values: tensors.query.row(query) },
      right: { name: `${text("short_key")}[${key}]`, values: tensors.key.row(key) },
      scale: facts.architecture.headWidth ** -0.5,
      scaleName: `1/√${facts.architecture.headWidth}`,
      total: tensors.scores.at(query, key),
    }),
  ];
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
    const met = make("div", "meeting", ...meeting(scene, ...focus));
    let frame = 0;
    /** @param {number} query @param {number} key */
    const onPoint = (query, key) => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => met.replaceChildren(...meeting(scene, query, key)));
    };
    const label = text("step10_scores");
    root.append(
      make("div", "beside", pairMatrix(scene, { tensor: tensors.scores, label, focus, onPoint }), met),
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
