/**
 * What is asked about a picture, and its answer.
 */

import { classify, drawExplanation, explain, getContract } from "./api.js";

/**
 * A target of null is the class that the model predicts.
 * @typedef {import("./picture.js").Picture} Picture
 * @typedef {import("./api.js").Model} Model
 * @typedef {import("./api.js").Prediction} Prediction
 * @typedef {import("./method.js").Choice} Choice
 * @typedef {{picture: Promise<Picture>, model: Model, choice: Choice,
 *   target: Prediction | null}} Question
 * @typedef {{question: Question, picture: Picture,
 *   contract: import("./api.js").Contract,
 *   classification: import("./api.js").Classification,
 *   explanation: import("./api.js").Explanation | null}} Answer
 */

const MOST_CLASSES = 10;

/**
 * Asks the server; what the answer before already says of the same picture is not asked again.
 * @param {Question} question
 * @param {Answer | null} before
 * @param {AbortSignal} signal
 * @returns {Promise<Answer>}
 */
export async function answerTo(question, before, signal) {
  const picture = await question.picture;
  const { model } = question;
  const known = before?.question.model === model ? before : null;
  const same = known?.question.picture === question.picture ? known : null;
  const [contract, classification, explanation] = await Promise.all([
    known?.contract ?? getContract(model, signal),
    same?.classification ?? classify(picture.bytes, classifying(question), signal),
    model.is_explainable ? explain(picture.bytes, explaining(question), signal) : null,
  ]);
  return { question, picture, contract, classification, explanation };
}

/**
 * Asks for the map of an answer, drawn as PNG.
 * @param {Answer} answer
 * @param {number} opacity
 * @param {AbortSignal} signal
 * @returns {Promise<Blob>}
 */
export function drawingOf({ question, picture }, opacity, signal) {
  return drawExplanation(picture.bytes, { ...explaining(question), alpha: opacity }, signal);
}

/** @param {Question} question */
function classifying({ model }) {
  const topK = Math.min(model.labels.length, MOST_CLASSES);
  return { model: model.name, version: model.version, top_k: topK };
}

/** @param {Question} question */
function explaining({ model, choice, target }) {
  /** @type {Record<string, string>} */
  const parameters = { model: model.name, version: model.version };
  for (const [name, value] of Object.entries(choice)) if (value) parameters[name] = value;
  if (target) parameters.target = nameOfTarget(model, target);
  return parameters;
}

/**
 * Names a class by its label, or by its index where another class before it has the same label.
 * @param {Model} model
 * @param {Prediction} target
 * @returns {string}
 */
function nameOfTarget(model, { label, index }) {
  return model.labels.indexOf(label) === index ? label : String(index);
}
