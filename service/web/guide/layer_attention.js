/**
 * What the token that is read out attends to in every layer, as small pictures to choose from.
 */

import { make } from "../element.js";
import { inkOf } from "./ink.js";
import { percent } from "./number.js";

/** @typedef {import("./step.js").Scene} Scene */
/** @typedef {import("./tensor.js").Tensor} Tensor */

/**
 * Gives the mean over the heads.
 * @param {Tensor} attention [layers, heads, patches]
 * @param {number} layer
 * @returns {Float32Array} one for each patch
 */
export function meanOfHeads({ data, shape: [, heads, patches] }, layer) {
  const mean = new Float32Array(patches);
  for (let head = 0; head < heads; head += 1) {
    const from = (layer * heads + head) * patches;
    for (let patch = 0; patch < patches; patch += 1) mean[patch] += data[from + patch] / heads;
  }
  return mean;
}

/**
 * Draws a small map of each layer, painted by its own strongest patch, and how much of the attention
 * goes to patches at all.
 * @param {Scene} scene
 * @param {Tensor} attention [layers, heads, patches]
 * @returns {HTMLElement}
 */
export function layerAttention(scene, attention) {
  const { view, facts, text, go } = scene;
  const tiles = Array.from({ length: attention.shape[0] }, (_, layer) => {
    const mean = meanOfHeads(attention, layer);
    const share = percent(mean.reduce((sum, value) => sum + value, 0), 0);
    const said = make("span", "", text("step21_layer_number", { layer }));
    const reached = make("small", "muted", text("step21_on_patches", { share }));
    const button = make("button", "layer-tile", painted(mean, facts.architecture), said, reached);
    button.type = "button";
    button.dataset.focus = `layer tile ${layer}`;
    button.setAttribute("aria-pressed", String(layer === view.layer));
    button.addEventListener("click", () => go({ layer }));
    return make("li", "", button);
  });
  return make("ol", "plain layer-tiles", ...tiles);
}

/** @param {Float32Array} values @param {{rows: number, columns: number}} grid */
function painted(values, { rows, columns }) {
  const canvas = make("canvas", "layer-map");
  [canvas.width, canvas.height] = [columns, rows];
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = pen.createImageData(columns, rows);
  const { colors, level } = inkOf(false, [0, Math.max(...values)]);
  values.forEach((value, patch) => {
    const from = level(value) * 3;
    image.data.set([colors[from], colors[from + 1], colors[from + 2], 255], patch * 4);
  });
  pen.putImageData(image, 0, 0);
  canvas.setAttribute("aria-hidden", "true");
  return canvas;
}
