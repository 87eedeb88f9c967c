/**
 * Step 1: one image, before and after preprocessing.
 */

import { make } from "../../element.js";
import { arrow } from "../arrows.js";
import { matrix } from "../matrix.js";
import { number } from "../number.js";
import { pixelGrid } from "../pixel_grid.js";
import { framedOriginal } from "../preprocessing.js";

const CHANNELS = /** @type {const} */ (["red", "green", "blue"]);

/** @type {import("../step.js").Step} */
export default {
  id: "1",
  needs: () => ({ whole: ["pixel_values"] }),
  draw: (scene) => {
    const { facts, text, tensors, root } = scene;
    const { resize, size, crop } = facts.contract.preprocessing;
    const original = framedOriginal(scene);
    const values = make("div", "channels");
    const pixels = pixelGrid(scene, {
      label: text("step1_pixels_label"),
      focus: pixelOf(scene),
      onPoint: (row, column) => {
        original.light(row, column);
        values.replaceChildren(channelTable(scene, row, column));
      },
      onPick: (row, column) => scene.go({ cell: [row, column] }),
    });
    const { width, height, format } = facts.original;
    const before = make("figure", "", make("figcaption", "", text("step1_before", { width, height, format })), original.element);
    const after = make("figure", "", make("figcaption", "", text("step1_after", { width: crop[1], height: crop[0] })), pixels);
    const how = text(`step1_${resize}`, { width: size[1], height: size[0], shortest: Math.min(...size) });
    const planes = CHANNELS.map((channel, index) => matrix(scene, {
      tensor: tensors.pixel_values.part(index), label: text(`step1_${channel}`), caption: text(`step1_${channel}`),
      rowName: (row) => text("row", { row }), columnName: (column) => text("column", { column }),
      focus: pixelOf(scene), onPick: (row, column) => scene.go({ cell: [row, column] }), plain: true, maxHeight: 168,
      signed: false, range: tensors.pixel_values.range, hue: channel,
    }));
    root.append(make("div", "before-after", before, arrow(), after), make("p", "muted", how), values, make("div", "planes", ...planes));
  },
  shapes: ({ tensors, facts }) => [
    { name: "", what: "step1_pixels", shape: facts.pixels.shape },
    { name: "x", what: "step1_batch", shape: [1, ...tensors.pixel_values.shape] },
  ],
  check: (scene) => {
    const [row, column] = pixelOf(scene);
    const { mean, std } = scene.facts.contract.preprocessing;
    const level = scene.facts.pixels.at(row, column, 0);
    return {
      formula: `(${level} / 255 \u2212 ${mean[0]}) / ${std[0]}`,
      recomputed: (level / 255 - mean[0]) / std[0],
      sent: scene.tensors.pixel_values.at(0, row, column),
    };
  },
};

/**
 * Gives the pixel in question: the one picked, else the first of the pinned patch.
 * @param {import("../step.js").Scene} scene
 * @returns {[number, number]}
 */
function pixelOf({ view, facts: { architecture, pixels } }) {
  const { row, column } = architecture.placeOf(view.patch);
  const [pixelRow, pixelColumn] = view.cell ?? [row * architecture.patchSize, column * architecture.patchSize];
  return [Math.min(pixelRow, pixels.shape[0] - 1), Math.min(pixelColumn, pixels.shape[1] - 1)];
}

/**
 * Shows a pixel's three numbers, and what becomes of them.
 * @param {import("../step.js").Scene} scene
 * @param {number} row
 * @param {number} column
 */
function channelTable({ facts, tensors, text }, row, column) {
  const { mean, std } = facts.contract.preprocessing;
  const rows = CHANNELS.map((channel, index) => {
    const level = facts.pixels.at(row, column, index);
    const how = `(${level} / 255 \u2212 ${mean[index]}) / ${std[index]}`;
    const name = make("th", "", text(`step1_${channel}`));
    name.scope = "row";
    return make("tr", channel, name, make("td", "", String(level)), make("td", "how", how),
      make("td", "", number(tensors.pixel_values.at(index, row, column))));
  });
  const heads = ["step1_channel", "step1_level", "step1_normalized", "step1_value"].map((key) => {
    const head = make("th", "", text(key));
    head.scope = "col";
    return head;
  });
  const caption = make("caption", "", text("step1_pixel", { row, column }));
  return make("table", "", caption, make("thead", "", make("tr", "", ...heads)), make("tbody", "", ...rows));
}
