/**
 * The wall of heads: what every head of every layer lets the read-out token see, painted small.
 */

import { inksOf } from "../colormap.js";
import { make } from "../element.js";

/** @typedef {import("./step.js").Scene} Scene */
/** @typedef {import("./tensor.js").Tensor} Tensor */

const GAP = 2; // cells between two thumbnails
const TOP = 255;

/** @type {WeakMap<Tensor, HTMLCanvasElement>} */
const PAINTED = new WeakMap();

/**
 * Draws the wall as one canvas under a group of radio buttons: layers down, heads across.
 * @param {Scene} scene
 * @param {Tensor} attention [layers, heads, patches]
 * @returns {HTMLElement}
 */
export function wall(scene, attention) {
  const { view, text, go, facts } = scene;
  const [layers, heads] = attention.shape;
  /** @param {number} layer @param {number} head */
  const button = (layer, head) => {
    const isChosen = layer === view.layer && head === view.head;
    const tile = make("button", "tile");
    tile.type = "button";
    tile.tabIndex = isChosen ? 0 : -1;
    tile.setAttribute("role", "radio");
    tile.setAttribute("aria-checked", String(isChosen));
    tile.setAttribute("aria-label", text("wall_tile", { layer, head }));
    if (isChosen) tile.dataset.focus = "wall";
    return tile;
  };
  const tiles = Array.from({ length: layers * heads }, (_, at) =>
    button(Math.floor(at / heads), at % heads),
  );
  const group = make("div", "tiles", ...tiles);
  group.setAttribute("role", "radiogroup");
  group.setAttribute("aria-label", text("wall_label"));
  group.style.setProperty("grid-template-columns", `repeat(${heads}, minmax(0, 1fr))`);
  group.addEventListener("click", ({ target }) => {
    const at = tiles.findIndex((tile) => tile === target);
    if (at >= 0) go({ layer: Math.floor(at / heads), head: at % heads });
  });
  group.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!step) return;
    event.preventDefault();
    const layer = Math.min(Math.max(view.layer + step[0], 0), layers - 1);
    const head = Math.min(Math.max(view.head + step[1], 0), heads - 1);
    go({ layer, head });
  });
  const canvas = paintedWall(attention, facts.architecture);
  const stack = make("div", "stacked", canvas, group);
  const element = make(
    "div",
    "wall",
    axis("across", text("wall_head"), heads),
    axis("down", text("wall_layer"), layers),
    stack,
  );
  return element;
}

/**
 * @param {string} direction
 * @param {string} name
 * @param {number} count
 */
function axis(direction, name, count) {
  const numbers = Array.from({ length: count }, (_, at) => make("span", "", String(at)));
  const element = make("div", `axis ${direction}`, make("b", "", name), ...numbers);
  element.setAttribute("aria-hidden", "true");
  return element;
}

/**
 * Paints every thumbnail by its own strongest patch, once for each trace.
 * @param {Tensor} attention
 * @param {{rows: number, columns: number}} grid
 */
function paintedWall(attention, { rows, columns }) {
  const kept = PAINTED.get(attention);
  if (kept) return kept;
  const [layers, heads, patches] = attention.shape;
  const [down, across] = [rows + GAP, columns + GAP];
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [heads * across, layers * down];
  canvas.className = "pixels";
  canvas.setAttribute("aria-hidden", "true");
  const image = new ImageData(canvas.width, canvas.height);
  const inks = inksOf(false, "blend");
  for (let tile = 0; tile < layers * heads; tile++) {
    const row = attention.data.subarray(tile * patches, (tile + 1) * patches);
    const most = row.reduce((high, value) => Math.max(high, value), 0) || 1;
    const top = Math.floor(tile / heads) * down + GAP / 2;
    const left = (tile % heads) * across + GAP / 2;
    row.forEach((/** @type {number} */ value, /** @type {number} */ patch) => {
      const y = top + Math.floor(patch / columns);
      const x = left + (patch % columns);
      image.data.set(inks[Math.round((value / most) * TOP)], (y * canvas.width + x) * 4);
    });
  }
  canvas.getContext("2d")?.putImageData(image, 0, 0);
  PAINTED.set(attention, canvas);
  return canvas;
}
