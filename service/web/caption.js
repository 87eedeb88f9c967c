/**
 * What is said about an answer, in words.
 */

import { isCropped } from "./heatmap.js";
import { methodTitle } from "./methods.js";
import { isText, percent, scoreText, text } from "./strings.js";

/**
 * @typedef {import("./api.js").Explanation} Explanation
 * @typedef {import("./question.js").Answer} Answer
 * @typedef {import("./heatmap.js").Patch} Patch
 */

/**
 * Says what a map shows.
 * @param {Answer} answer
 * @returns {string}
 */
export function titleOf({ question, explanation }) {
  if (!explanation) return text("map_none");
  const { target, method, scale } = explanation;
  const { label } = target;
  if (!method.class_specific) return text("map_any");
  if (method.parameters.versus !== undefined) {
    const versus = question.model.labels[method.parameters.versus];
    return text(isAgainst(method) ? "map_against_versus" : "map_versus", { label, versus });
  }
  if (scale.signed) return text("map_both", { label });
  return text(isAgainst(method) ? "map_against" : "map_for", { label });
}

/**
 * Says whether high scores speak against the class.
 * @param {Explanation["method"]} method
 */
export function isAgainst({ parameters }) {
  return parameters.sign === "negative";
}

/**
 * Says how a map was made.
 * @param {Explanation} explanation
 * @returns {string}
 */
export function methodOf({ method }) {
  const { layer, head, fusion, start_layer: start } = method.parameters;
  const parts = [text("map_by", { method: methodTitle(method.name) })];
  if (method.name === "attention") {
    parts.push(layer === undefined ? text("map_last") : text("map_by_layer", { layer }));
  }
  if (start > 0) parts.push(text("map_from_layer", { layer: start }));
  const joined = `map_${fusion}`;
  if (head !== undefined) parts.push(text("map_by_head", { head }));
  else if (isText(joined)) parts.push(text(joined));
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
 * Says how far the scores of integrated gradients are from what they should add up to.
 * @param {Explanation} explanation
 * @returns {string} empty for other methods
 */
export function completenessOf({ completeness_error: error }) {
  return typeof error === "number" ? text("completeness", { error: scoreText(error) }) : "";
}

/**
 * Says where a patch lies and what its score is.
 * @param {Patch} patch
 * @param {Explanation} explanation
 * @returns {string}
 */
export function readoutOf({ row, column }, { scores, scale, grid }) {
  const score = scores[row][column];
  const side = score > 0 ? "speaks_for" : score < 0 ? "speaks_against" : "speaks_neither";
  return text("readout", {
    row: row + 1,
    rows: grid.rows,
    column: column + 1,
    columns: grid.columns,
    score: scoreText(score),
    side: scale.signed ? text(side) : "",
    rank: scores.flat().filter((other) => other > score).length + 1,
    count: grid.rows * grid.columns,
  });
}

/**
 * Says an answer in a line.
 * @param {Answer} answer
 * @returns {string}
 */
export function summaryOf(answer) {
  const { picture, classification, explanation } = answer;
  const [{ label, probability }] = classification.predictions;
  const map = [titleOf(answer), ...(explanation ? [methodOf(explanation)] : [])].join(". ");
  return text("result", { picture: picture.name, label, share: percent(probability), map });
}

/**
 * Names a file after an answer: picture, method and, where the map is of one, class.
 * @param {Answer} answer
 * @param {string} ending
 * @returns {string}
 */
export function fileName({ question, picture, explanation }, ending) {
  const parts = [picture.name.replace(/\.\w+$/, ""), explanation?.method.name];
  if (explanation?.method.class_specific) {
    const { versus } = explanation.method.parameters;
    parts.push(explanation.target.label);
    if (versus !== undefined) parts.push("versus", question.model.labels[versus]);
  }
  const stem = parts.join("-").replace(/[^\p{L}\p{N}]+/gu, "-");
  return `${stem}.${ending}`;
}
