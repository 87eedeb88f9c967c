/**
 * The sequence of tokens: those before the patches, and the patches, one after the other.
 */

import { make } from "../element.js";
import { cellPicker } from "./cell_picker.js";
import { drawnPixels } from "./facts.js";
import { pixelCanvas } from "./pixel_canvas.js";

const NARROWEST = 28; // CSS pixels of a tile, so that its letters can be read
const MOST_COLUMNS = 28;
const USUAL_ROOM = 640; // CSS pixels, where the width is not known yet

/**
 * Draws a tile for each token, patches as their pixels. A click pins a patch.
 * @param {import("./step.js").Scene} scene
 * @param {string} label
 * @returns {HTMLElement}
 */
export function sequence({ facts, view, root, go, text }, label) {
  const { architecture } = facts;
  const { tokens, prefix, patchSize: size } = architecture;
  const room = Math.floor((root.clientWidth || USUAL_ROOM) / NARROWEST);
  const rows = Math.ceil(tokens / Math.max(1, Math.min(MOST_COLUMNS, room)));
  const columns = Math.ceil(tokens / rows);
  const tile = size + 1; // and a clear line between
  const canvas = pixelCanvas(rows * tile, columns * tile, () => null);
  const pen = canvas.getContext("2d");
  const picture = drawnPixels(facts.pixels);
  for (let patch = 0; patch < architecture.patches; patch += 1) {
    const from = architecture.placeOf(patch);
    const token = prefix + patch;
    const [left, top] = [(token % columns) * tile, Math.floor(token / columns) * tile];
    pen?.drawImage(picture, from.column * size, from.row * size, size, size, left, top, size, size);
  }
  const tags = { class: "CLS", distillation: "DIST", patch: "" };
  const first = Array.from({ length: prefix }, (_, token) => {
    const kind = architecture.kindOf(token);
    const said = kind === "register" ? `R${architecture.registerOf(token)}` : tags[kind];
    const tag = make("span", `tag ${kind}`, said);
    tag.style.left = `${((token % columns) / columns) * 100}%`;
    tag.style.top = `${(Math.floor(token / columns) / rows) * 100}%`;
    tag.style.width = `${(size / tile / columns) * 100}%`;
    tag.style.height = `${(size / tile / rows) * 100}%`;
    return tag;
  });
  const readout = make("p", "readout", text("step6_hint"));
  /** @param {number} token */
  const say = (token) => text("step6_token", { token, name: architecture.nameOfToken(token) });
  const tiles = cellPicker({
    content: make("div", "token-tiles", canvas, ...first),
    rows,
    columns,
    count: tokens,
    label,
    say,
    chosen: architecture.tokenOf(view.patch),
    onPoint: (token) => (readout.textContent = token === null ? text("step6_hint") : say(token)),
    onPick: (token) => token >= prefix && go({ patch: token - prefix }),
  });
  return make("div", "sequence", tiles.root, readout);
}
