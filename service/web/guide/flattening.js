/**
 * The pinned patch taken apart: its pixels, its channels, and the vector that they make.
 */

import { make } from "../element.js";
import { cellPicker } from "./cell_picker.js";
import { CHANNELS, levelOf, placeOf } from "./flat_patch.js";
import { number } from "./number.js";
import { mostOf, pixelCanvas, signedInk } from "./pixel_canvas.js";
import { pixelTable } from "./pixel_table.js";
import { patchCanvas } from "./pixels.js";
import { threads } from "./threads.js";

const DIM = 0.25; // what a channel's colour keeps of the other two, so that full red is no pure red

/**
 * Draws the patch, its channels, and under each the part of the vector that it becomes; what is
 * pointed at in one lights up in all.
 * @param {import("./step.js").Scene} scene
 * @param {ArrayLike<number>} vector the patch as the model gets it
 * @param {number} chosen a number of the vector
 * @param {(index: number) => void} pick
 * @returns {HTMLElement}
 */
export function flattening(scene, vector, chosen, pick) {
  const { facts, view, text } = scene;
  const size = facts.architecture.patchSize;
  const area = size * size;
  const ink = signedInk(mostOf(vector));
  const names = CHANNELS.map((name) => text(`step3_${name}`));
  const levels = Uint8Array.from(vector, (_, index) => levelOf(facts, view.patch, placeOf(index, size)));
  const held = Math.floor(chosen / area);
  const table = pixelTable(text, levels, vector, size);
  /** @type {((index: number | null, isWhole: boolean) => void)[]} */
  const lights = [];
  /** @param {number | null} index @param {boolean} [isWhole] whether the pixel is meant, not one number */
  const point = (index, isWhole = false) => {
    for (const light of lights) light(index, isWhole);
    table.show(index ?? chosen);
    thread.show(index ?? chosen);
  };
  /** Gives what pointing within one channel means. @param {number} channel */
  const within = (channel) => ({
    onPoint: (/** @type {number | null} */ at) => point(at === null ? null : channel * area + at),
    onPick: (/** @type {number} */ at) => pick(channel * area + at),
  });

  const picture = cellPicker({
    onPoint: (at) => point(at === null ? null : held * area + at, true),
    onPick: (at) => pick(held * area + at),
    content: patchCanvas(facts, view.patch),
    rows: size,
    columns: size,
    label: text("step3_pixels"),
    say: (at) => {
      const [red, green, blue] = names.map((_, channel) => levels[channel * area + at]);
      return text("step3_pixel", { ...placeOf(at, size), red, green, blue });
    },
    chosen: chosen % area,
  });
  lights.push((index) => picture.light(index === null ? null : index % area));

  const parts = names.map((name, channel) => {
    const first = channel * area;
    /** @param {number} level */
    const tint = (level) => names.map((_, one) => (one === channel ? level : level * DIM));
    const plane = cellPicker({
      ...within(channel),
      content: pixelCanvas(size, size, (row, column) => tint(levels[first + row * size + column])),
      rows: size,
      columns: size,
      label: text("step3_plane", { channel: name }),
      chosen: chosen % area,
    });
    const segment = cellPicker({
      ...within(channel),
      content: pixelCanvas(2, area, (row, at) => (row ? ink(vector[first + at]) : tint(levels[first + at]))),
      rows: 1,
      columns: area,
      label: text("step3_segment", { channel: name }),
      say: (at) => {
        const index = first + at;
        const values = { index, channel: name, level: levels[index], value: number(vector[index]) };
        return text("step3_number", { ...placeOf(index, size), ...values });
      },
      chosen: channel === held ? chosen % area : null,
    });
    lights.push((index, isWhole) => {
      const isHere = index !== null && (isWhole || Math.floor(index / area) === channel);
      plane.light(index === null ? null : index % area); // the same pixel in every channel
      segment.light(isHere ? index % area : null);
    });
    const range = text("step3_range", { from: first, to: first + area - 1 });
    const title = make("p", "caption", make("b", "", name), make("span", "", range));
    const element = make("div", `channel ${CHANNELS[channel]}`, title, make("div", "square", plane.root), make("div", "segment", segment.root));
    return { element, plane: plane.root, segment: segment.root };
  });

  const name = make("p", "caption", make("b", "", text("step3_mine")));
  const keys = ["before", "after"].map((key) => make("span", "", text(`step3_${key}`)));
  const whole = make("div", "channel whole", name, make("div", "square", picture.root), make("div", "segment-keys", ...keys));
  const thread = threads(scene, parts, size);
  const element = make("div", "flattening", whole, ...parts.map((part) => part.element), thread.root);
  table.show(chosen);
  thread.show(chosen);
  return make("div", "flattened", element, table.root);
}
