/**
 * The wall of heads: what every head of every layer lets the read-out token see, painted small.
 */

import { make } from "../element.js";
import { inkOf } from "./ink.js";
import { drawRaster } from "./raster.js";

/** @typedef {import("./step.js").Scene} Scene */
/** @typedef {import("./tensor.js").Tensor} Tensor */

const GAP = 2; // cells between two thumbnails
const LARGEST_TILE = 84; // CSS pixels
const AXIS = 40; // CSS pixels, about
/** @type {Record<string, [number, number]>} */
const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/** @type {WeakMap<Tensor, HTMLCanvasElement>} */
const PAINTED = new WeakMap();

/**
 * Draws the wall as one canvas under a group of radio buttons: layers down, heads across.
 * @param {Scene} scene
 * @param {Tensor} attention [layers, heads, patches]
 * @returns {HTMLElement}
 */
export function wall(scene, attention) {
  const { text, facts, signal } = scene;
  const [layers, heads] = attention.shape;
  const raster = paintedWall(attention, facts.architecture);
  const canvas = make("canvas", "");
  canvas.setAttribute("aria-hidden", "true");
  const tiles = tilesOf(scene, layers, heads);
  const element = make(
    "div",
    "wall",
    make("b", "corner", `${text("layer")} ↓ ${text("head")} →`),
    axis("across", heads),
    axis("down", layers),
    make("div", "stacked", canvas, tiles),
  );
  const observer = new ResizeObserver(() => {
    const room = element.clientWidth - AXIS;
    if (room <= 0) return;
    const most = (LARGEST_TILE * heads) / raster.width;
    const fit = Math.min(room / raster.width, most);
    const scale = fit >= 2 ? Math.floor(fit) : fit; // cells of whole pixels where they are that large
    drawRaster(canvas, raster, raster.width * scale, raster.height * scale);
  });
  observer.observe(element);
  signal.addEventListener("abort", () => observer.disconnect());
  return element;
}

/**
 * @param {Scene} scene
 * @param {number} layers
 * @param {number} heads
 */
function tilesOf({ view, text, go }, layers, heads) {
  const tiles = Array.from({ length: layers * heads }, (_, at) => {
    const [layer, head] = [Math.floor(at / heads), at % heads];
    const isChosen = layer === view.layer && head === view.head;
    const tile = make("button", "tile");
    tile.type = "button";
    tile.tabIndex = isChosen ? 0 : -1;
    tile.setAttribute("role", "radio");
    tile.setAttribute("aria-checked", String(isChosen));
    tile.setAttribute("aria-label", text("step14_head", { layer, head }));
    if (isChosen) tile.dataset.focus = "wall";
    return tile;
  });
  const group = make("div", "tiles", ...tiles);
  group.setAttribute("role", "radiogroup");
  group.setAttribute("aria-label", text("step14_wall"));
  group.style.gridTemplateColumns = `repeat(${heads}, minmax(0, 1fr))`;
  group.addEventListener("click", ({ target }) => {
    const at = tiles.findIndex((tile) => tile === target);
    if (at >= 0) go({ layer: Math.floor(at / heads), head: at % heads });
  });
  group.addEventListener("keydown", (event) => {
    const move = MOVES[event.key];
    if (!move) return;
    event.preventDefault();
    const layer = Math.min(Math.max(view.layer + move[0], 0), layers - 1);
    go({ layer, head: Math.min(Math.max(view.head + move[1], 0), heads - 1) });
  });
  return group;
}

/**
 * @param {"across" | "down"} direction
 * @param {number} count
 */
function axis(direction, count) {
  const numbers = Array.from({ length: count }, (_, at) => make("span", "", String(at)));
  const element = make("div", `axis ${direction}`, ...numbers);
  element.setAttribute("aria-hidden", "true");
  return element;
}

/**
 * Paints every thumbnail by its own strongest patch, once for each trace.
 * @param {Tensor} attention
 * @param {{rows: number, columns: number}} grid
 * @returns {HTMLCanvasElement}
 */
function paintedWall(attention, { rows, columns }) {
  const kept = PAINTED.get(attention);
  if (kept) return kept;
  const [layers, heads] = attention.shape;
  const [down, across] = [rows + GAP, columns + GAP];
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [heads * across, layers * down];
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = pen.createImageData(canvas.width, canvas.height);
  for (let tile = 0; tile < layers * heads; tile++) {
    const row = attention.row(Math.floor(tile / heads), tile % heads);
    const { colors, level } = inkOf(false, [0, Math.max(...row) || 1]);
    const top = Math.floor(tile / heads) * down + GAP / 2;
    const left = (tile % heads) * across + GAP / 2;
    for (let patch = 0; patch < row.length; patch++) {
      const [y, x] = [top + Math.floor(patch / columns), left + (patch % columns)];
      const [to, from] = [(y * canvas.width + x) * 4, level(row[patch]) * 3];
      for (let channel = 0; channel < 3; channel++) image.data[to + channel] = colors[from + channel];
      image.data[to + 3] = 255;
    }
  }
  pen.putImageData(image, 0, 0);
  PAINTED.set(attention, canvas);
  return canvas;
}
