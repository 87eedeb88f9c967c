/**
 * What is asked about a picture, and its answer.
 */

import { classify, drawExplanation, explain, getContract, getMethods } from "./api.js";

/**
 * A target of null is the class that the model predicts.
 * @typedef {import("./picture.js").Picture} Picture
 * @typedef {import("./api.js").Model} Model
 * @typedef {import("./api.js").Prediction} Prediction
 * @typedef {import("./api.js").Parameters} Parameters
 * @typedef {import("./choice.js").Choice} Choice
 * @typedef {{picture: Promise<Picture>, model: Model, choice: Choice,
 *   target: Prediction | null}} Question
 * @typedef {{question: Question, picture: Picture,
 *   contract: import("./api.js").Contract, methods: import("./api.js").Method[],
 *   classification: import("./api.js").Classification,
 *   explanation: import("./api.js").Explanation | null, asked: Parameters}} Answer
 */

const MOST_CLASSES = 10;

/**
 * Asks the server; what the answer before already says of the same picture is not asked again.
 * @param {Question} question
 * @param {Answer | null} before
 * @param {AbortSignal} signal
 * @returns {Promise<Answer>} `asked` are the parameters that its map was asked with
 */
export async function answerTo(question, before, signal) {
  const picture = await question.picture;
  const { model } = question;
  const known = before?.question.model === model ? before : null;
  const same = known?.question.picture === question.picture ? known : null;
  const classifying =
    same?.classification ?? classify(picture.bytes, bestOf(model), signal);
  const mapping = explaining(question, classifying);
  const [contract, methods, classification, asked, explanation] = await Promise.all([
    known?.contract ?? getContract(model, signal),
    known?.methods ?? getMethods(model, signal),
    classifying,
    mapping,
    model.is_explainable ? mapping.then((asked) => explain(picture.bytes, asked, signal)) : null,
  ]);
  return { question, picture, contract, methods, classification, explanation, asked };
}

/**
 * Asks for the map of an answer, drawn as PNG as it is drawn here.
 * @param {Answer} answer
 * @param {import("./heatmap.js").Drawing} drawing
 * @param {AbortSignal} signal
 * @returns {Promise<Blob>}
 */
export function drawingOf({ picture, asked }, drawing, signal) {
  return drawExplanation(picture.bytes, { ...asked, ...drawing }, signal);
}

/**
 * Asks how true the map of an answer is to the model on its picture.
 * @param {Answer} answer
 * @param {AbortSignal} signal
 * @returns {Promise<import("./api.js").Faithfulness>}
 */
export async function faithfulnessOf({ picture, asked }, signal) {
  const measured = await explain(picture.bytes, { ...asked, faithfulness: "true" }, signal);
  if (!measured.faithfulness) throw new Error("the answer has no faithfulness");
  return measured.faithfulness;
}

/**
 * @param {Model} model
 * @returns {Parameters}
 */
function bestOf({ name, version, labels }) {
  return { model: name, version, top_k: Math.min(labels.length, MOST_CLASSES) };
}

/**
 * @param {Question} question
 * @param {Answer["classification"] | Promise<Answer["classification"]>} classifying
 * @returns {Promise<Parameters>}
 */
async function explaining({ model, choice, target }, classifying) {
  const { versus, ...method } = choice;
  /** @type {Record<string, string>} */
  const parameters = { model: model.name, version: model.version };
  for (const [name, value] of Object.entries(method)) if (value) parameters[name] = value;
  // "rather than" needs to be told which class is explained, even where it is the predicted one
  const explained = target ?? (versus ? (await classifying).predictions[0] : null);
  if (explained) parameters.target = nameOfClass(model, explained.index);
  if (versus) parameters.versus = nameOfClass(model, Number(versus));
  return parameters;
}

/**
 * Names a class by its label, or by its index where another class before it has the same label.
 * @param {Model} model
 * @param {number} index
 * @returns {string}
 */
function nameOfClass({ labels }, index) {
  return labels.indexOf(labels[index]) === index ? labels[index] : String(index);
}
