/**
 * What is said about an answer, in words.
 */

import { isCropped } from "./heatmap.js";
import { titled } from "./method.js";
import { isText, percent, scoreText, text } from "./strings.js";

/**
 * @typedef {import("./api.js").Explanation} Explanation
 * @typedef {import("./question.js").Answer} Answer
 * @typedef {import("./heatmap.js").Patch} Patch
 */

/**
 * Says what a map shows.
 * @param {Explanation} explanation
 * @returns {string}
 */
export function titleOf({ target, method }) {
  const { label } = target;
  if (!method.class_specific) return text("map_any");
  return text(isAgainst(method) ? "map_against" : "map_for", { label });
}

/** @param {Explanation["method"]} method */
function isAgainst({ parameters }) {
  return parameters.sign === "negative";
}

/**
 * Says how a map was made.
 * @param {Explanation} explanation
 * @returns {string}
 */
export function methodOf({ method }) {
  const { layer, head } = method.parameters;
  const parts = [text("map_by", { method: titled(method.name) })];
  if (method.name === "attention") {
    parts.push(layer === undefined ? text("map_last") : text("map_by_layer", { layer }));
    parts.push(head === undefined ? text("map_mean") : text("map_by_head", { head }));
  }
  return parts.join(", ");
}

/**
 * Says what to mind: the warnings in plain words, and whether the model sees the whole picture.
 * @param {Explanation} explanation
 * @returns {string[]}
 */
export function notesOf({ warnings, method, image, grid }) {
  const isOfClass = (/** @type {string} */ warning) =>
    method.class_specific || warning !== "target_not_predicted";
  const notes = warnings.filter(isOfClass).map((warning) => {
    const isTurned = warning === "target_not_predicted" && isAgainst(method);
    const name = isTurned ? "warning_against_not_predicted" : `warning_${warning}`;
    return isText(name) ? text(name) : warning;
  });
  if (isCropped(grid.crop_box, image)) notes.push(text("cropped"));
  return notes;
}

/**
 * Says where a patch lies and what its score is.
 * @param {Patch} patch
 * @param {Explanation} explanation
 * @returns {string}
 */
export function readoutOf({ row, column }, { scores, grid }) {
  const score = scores[row][column];
  return text("readout", {
    row: row + 1,
    rows: grid.rows,
    column: column + 1,
    columns: grid.columns,
    score: scoreText(score),
    rank: scores.flat().filter((other) => other > score).length + 1,
    count: grid.rows * grid.columns,
  });
}

/**
 * Says an answer in a line.
 * @param {Answer} answer
 * @returns {string}
 */
export function summaryOf({ picture, classification, explanation }) {
  const [{ label, probability }] = classification.predictions;
  const map = explanation ? `${titleOf(explanation)}. ${methodOf(explanation)}` : text("map_none");
  return text("result", { picture: picture.name, label, share: percent(probability), map });
}

/**
 * Names a file after an answer: picture, method and, where the map is of one, class.
 * @param {Answer} answer
 * @param {string} ending
 * @returns {string}
 */
export function fileName({ picture, explanation }, ending) {
  const label = explanation?.method.class_specific ? [explanation.target.label] : [];
  const parts = [picture.name.replace(/\.\w+$/, ""), explanation?.method.name, ...label];
  const stem = parts.join("-").replace(/[^\p{L}\p{N}]+/gu, "-");
  return `${stem}.${ending}`;
}
