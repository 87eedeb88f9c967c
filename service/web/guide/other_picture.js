/**
 * The same model asked about a plain grey picture, to see what of its input depends on the picture.
 */

import { Trace } from "./trace.js";

const SIDE = 64; // pixels

/**
 * Gives the transformer's input for the grey picture.
 * @param {import("./facts.js").Facts["model"]} model
 * @param {AbortSignal} signal
 * @returns {Promise<import("./tensor.js").Tensor>} [N, d]
 */
export async function embeddedOfGrey(model, signal) {
  const trace = new Trace(await greyPicture(), model);
  const { embedded } = await trace.fetch({ whole: ["embedded"] }, { layer: 0, head: 0 }, signal);
  return embedded;
}

/** @returns {Promise<Blob>} */
function greyPicture() {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  const pen = canvas.getContext("2d");
  if (!pen) throw new Error("the browser gives no 2D canvas");
  pen.fillStyle = "#808080";
  pen.fillRect(0, 0, SIDE, SIDE);
  return new Promise((resolve, reject) => {
    canvas.toBlob((bytes) => (bytes ? resolve(bytes) : reject(new Error("the browser cannot encode PNG"))));
  });
}
