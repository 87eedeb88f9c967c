/**
 * What is known of the picture that is followed, and of the model that looks at it.
 */

import { getContract } from "../api.js";
import { Architecture } from "./architecture.js";

/**
 * @typedef {import("./tensor.js").Tensor} Tensor
 * @typedef {import("../api.js").Model} Model
 * @typedef {import("../picture.js").Picture} Picture
 */

/**
 * `crop` is left, top, right and bottom of what the model sees, in pixels of the `original`; `image`
 * is the original, perhaps reduced, so its size may differ.
 * @typedef {{picture: Blob, name: string, sample: string | null,
 *   image: ImageBitmap | HTMLCanvasElement, isImageShown: boolean,
 *   original: {format: string, width: number, height: number},
 *   pixels: Tensor, crop: [number, number, number, number], architecture: Architecture,
 *   labels: string[], model: import("../api.js").ModelIdentity, contract: any,
 *   probabilities: Tensor}} Facts
 */

const FIRST_NEEDS = { whole: ["pixels", "probabilities"] };

/**
 * Asks for what every step knows.
 * @param {Picture} picture
 * @param {Model} model
 * @param {import("./trace.js").Trace} trace
 * @param {string | null} sample
 * @param {AbortSignal} signal
 * @returns {Promise<Facts>}
 */
export async function factsOf(picture, model, trace, sample, signal) {
  const [contract, { pixels, probabilities }] = await Promise.all([
    getContract(model, signal),
    trace.fetch(FIRST_NEEDS, undefined, signal),
  ]);
  const { metadata } = trace;
  const architecture = new Architecture(metadata.architecture);
  trace.sizes = architecture;
  return {
    picture: picture.bytes,
    name: picture.name,
    sample,
    image: picture.pixels ?? drawnPixels(pixels),
    isImageShown: picture.pixels !== null,
    original: metadata.image,
    pixels,
    crop: metadata.crop_box,
    architecture,
    labels: model.labels,
    model: metadata.model,
    contract,
    probabilities,
  };
}

/** @type {WeakMap<Tensor, HTMLCanvasElement>} */
const drawn = new WeakMap();

/**
 * Draws the pixels that the model sees on a canvas of as many; it is shared, so draw from it alone.
 * @param {Tensor} pixels [rows, columns, 3]
 * @returns {HTMLCanvasElement}
 */
export function drawnPixels(pixels) {
  const canvas = drawn.get(pixels) ?? pixelCanvas(pixels);
  drawn.set(pixels, canvas);
  return canvas;
}

/** @param {Tensor} pixels */
function pixelCanvas({ shape: [rows, columns], data }) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [columns, rows];
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = pen.createImageData(columns, rows);
  for (let at = 0, to = 0; at < data.length; at += 3, to += 4) {
    image.data.set([data[at], data[at + 1], data[at + 2], 255], to);
  }
  pen.putImageData(image, 0, 0);
  return canvas;
}
