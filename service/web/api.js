/**
 * The client of Vitrine's HTTP API. Each function asks one route and raises a Problem when it is
 * refused; an aborted request raises the signal's own AbortError.
 */

import { withKey } from "./key.js";
import { Problem, problemOf, unreachable } from "./problem.js";

/**
 * @typedef {{name: string, version: string, digest: string, is_default: boolean,
 *   is_explainable: boolean, labels: string[]}} Model
 * @typedef {{name: string, version: string, digest: string}} ModelIdentity
 * @typedef {{depth: number, heads: number}} Architecture
 * @typedef {{architecture: Architecture}} Contract
 * @typedef {{mean: number, low: number, high: number}} Interval
 * @typedef {{name: string, summary: string, cost: string, parameters: string[],
 *   is_default: boolean, faithfulness: {delta: Interval} | null,
 *   measured_on: string | null}} Method
 * @typedef {{label: string, index: number, probability: number}} Prediction
 * @typedef {{format: string, width: number, height: number}} ImageItem
 * @typedef {{total: number}} Timing
 * @typedef {{model: ModelIdentity, predictions: Prediction[], image: ImageItem,
 *   timing_ms: Timing}} Classification
 * @typedef {{rows: number, columns: number, crop_box: [number, number, number, number]}} Grid
 * @typedef {{model: ModelIdentity,
 *   target: Prediction & {logit: number, source: "predicted" | "requested"},
 *   method: {name: string, class_specific: boolean, parameters: Record<string, any>},
 *   grid: Grid, scores: number[][], scale: import("./colormap.js").Scale, image: ImageItem,
 *   warnings: string[], completeness_error: number | null, faithfulness: Faithfulness | null,
 *   timing_ms: Timing}} Explanation
 * @typedef {{curve: number[]}} Order
 * @typedef {{removal: string, removed: number[], most_relevant_first: Order,
 *   least_relevant_first: Order, random: Order, random_orders: number, delta: number,
 *   comprehensiveness: number, sufficiency: number}} Faithfulness
 * @typedef {Record<string, string | number>} Parameters
 */

const ROOT = new URL("../", import.meta.url);
const BYTES = "application/octet-stream"; // the server tells formats by content, not by this

/**
 * @param {AbortSignal} signal
 * @returns {Promise<Model[]>} every model and version served
 */
export function getModels(signal) {
  return ask("models", {}, { signal }, asJson);
}

/**
 * @param {Model} model
 * @param {AbortSignal} signal
 * @returns {Promise<Contract>} all that is known of a model
 */
export function getContract({ name, version }, signal) {
  return ask(`models/${encodeURIComponent(name)}`, { version }, { signal }, asJson);
}

/**
 * @param {Model} model
 * @param {AbortSignal} signal
 * @returns {Promise<Method[]>} the methods that explain, and how faithful they are for a model
 */
export function getMethods({ name, version }, signal) {
  return ask("explain/methods", { model: name, version }, { signal }, asJson);
}

/**
 * @param {Blob} picture
 * @param {Parameters} parameters
 * @param {AbortSignal} signal
 * @returns {Promise<Classification>} the classes of a picture, best first
 */
export function classify(picture, parameters, signal) {
  return ask("classify", parameters, posted(picture, "application/json", signal), asJson);
}

/**
 * @param {Blob} picture
 * @param {Parameters} parameters
 * @param {AbortSignal} signal
 * @returns {Promise<Explanation>} the map of a picture, as numbers
 */
export function explain(picture, parameters, signal) {
  return ask("explain", parameters, posted(picture, "application/json", signal), asJson);
}

/**
 * @param {Blob} picture
 * @param {Parameters} parameters
 * @param {AbortSignal} signal
 * @returns {Promise<Blob>} the map of a picture, drawn over it as PNG
 */
export function drawExplanation(picture, parameters, signal) {
  return ask("explain", parameters, posted(picture, "image/png", signal), (answer) => answer.blob());
}

/**
 * @param {Blob} picture
 * @param {Parameters} parameters
 * @param {AbortSignal} signal
 * @returns {Promise<ArrayBuffer>} values of the model on a picture, as a safetensors message
 */
export function trace(picture, parameters, signal) {
  const posting = posted(picture, "*/*", signal);
  return ask("trace", parameters, posting, (answer) => answer.arrayBuffer());
}

/**
 * @param {Blob} picture
 * @param {string} accept
 * @param {AbortSignal} signal
 * @returns {RequestInit}
 */
function posted(picture, accept, signal) {
  const headers = { "Content-Type": BYTES, Accept: accept };
  return { method: "POST", headers, body: picture, signal };
}

/**
 * @param {Response} response
 * @returns {Promise<any>}
 */
function asJson(response) {
  return response.json();
}

/**
 * @template Content
 * @param {string} path
 * @param {Parameters} parameters
 * @param {RequestInit} request
 * @param {(response: Response) => Promise<Content>} read
 * @returns {Promise<Content>}
 */
async function ask(path, parameters, request, read) {
  const url = new URL(path, ROOT);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, String(value));
  try {
    const response = await fetch(url, withKey(request));
    if (response.ok) return await read(response);
    throw await problemOf(response);
  } catch (error) {
    if (error instanceof Problem || request.signal?.aborted) throw error;
    throw unreachable(); // no response, or the connection was lost in the middle of one
  }
}
