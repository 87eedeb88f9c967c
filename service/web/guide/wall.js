/**
 * The wall of heads: what every head of every layer lets the read-out token see, painted small.
 */

import { emptyCanvas, make } from "../element.js";
import { inkOf } from "./ink.js";
import { drawRaster } from "./raster.js";

/** @typedef {import("./step.js").Scene} Scene */
/** @typedef {import("./tensor.js").Tensor} Tensor */

const GAP = 2; // cells between two thumbnails
const LARGEST_TILE = 84; // CSS pixels
const AXIS = 40; // CSS pixels, about
/** @type {Record<string, [number, number]>} */
const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/** @type {WeakMap<Tensor, Wall>} */
const KEPT = new WeakMap();

/**
 * Draws the wall of a trace, or takes the one drawn before, with the view's head chosen.
 * @param {Scene} scene
 * @param {Tensor} attention [layers, heads, patches]
 * @returns {HTMLElement}
 */
export function wall(scene, attention) {
  const kept = KEPT.get(attention);
  const shown = kept?.language === document.documentElement.lang ? kept : new Wall(scene, attention);
  KEPT.set(attention, shown);
  return shown.show(scene);
}

/** Keeps one canvas and a group of radio buttons over it in agreement: layers down, heads across. */
class Wall {
  language = document.documentElement.lang;
  #element;
  #canvas = emptyCanvas();
  #tiles;
  #raster;
  #heads;
  #width = 0;
  #chosen = 0;
  /** @type {Scene["go"]} */
  #go = () => {};

  /**
   * @param {Scene} scene
   * @param {Tensor} attention
   */
  constructor({ text, facts }, attention) {
    const [layers, heads] = attention.shape;
    this.#heads = heads;
    this.#raster = paintedWall(attention, facts.architecture);
    this.#canvas.setAttribute("aria-hidden", "true");
    this.#tiles = Array.from({ length: layers * heads }, (_, at) => {
      const tile = make("button", "tile");
      tile.type = "button";
      tile.setAttribute("role", "radio");
      tile.setAttribute("aria-label", text("step14_head", { layer: Math.floor(at / heads), head: at % heads }));
      return tile;
    });
    const group = make("div", "tiles", ...this.#tiles);
    group.setAttribute("role", "radiogroup");
    group.setAttribute("aria-label", text("step14_wall"));
    group.style.gridTemplateColumns = `repeat(${heads}, minmax(0, 1fr))`;
    group.addEventListener("click", ({ target }) => {
      const at = this.#tiles.findIndex((tile) => tile === target);
      if (at >= 0) this.#go({ layer: Math.floor(at / heads), head: at % heads });
    });
    group.addEventListener("keydown", (event) => {
      const move = MOVES[event.key];
      if (!move) return;
      event.preventDefault();
      const layer = Math.min(Math.max(Math.floor(this.#chosen / heads) + move[0], 0), layers - 1);
      this.#go({ layer, head: Math.min(Math.max((this.#chosen % heads) + move[1], 0), heads - 1) });
    });
    this.#element = make(
      "div",
      "wall",
      make("b", "corner", `${text("layer")} ↓ ${text("head")} →`),
      axis("across", heads),
      axis("down", layers),
      make("div", "stacked", this.#canvas, group),
    );
  }

  /** @param {Scene} scene */
  show({ view, go, signal }) {
    this.#go = go;
    this.#chosen = view.layer * this.#heads + view.head;
    this.#tiles.forEach((tile, at) => {
      const isChosen = at === this.#chosen;
      tile.tabIndex = isChosen ? 0 : -1;
      tile.setAttribute("aria-checked", String(isChosen));
      if (isChosen) tile.dataset.focus = "wall";
      else delete tile.dataset.focus;
    });
    const observer = new ResizeObserver(() => this.#fit());
    observer.observe(this.#element);
    signal.addEventListener("abort", () => observer.disconnect());
    return this.#element;
  }

  #fit() {
    const room = this.#element.clientWidth - AXIS;
    if (room <= 0 || room === this.#width) return;
    this.#width = room;
    const { width, height } = this.#raster;
    const most = Math.min(room, LARGEST_TILE * this.#heads) / width;
    const scale = most >= 2 ? Math.floor(most) : most; // cells of whole pixels where they are that large
    drawRaster(this.#canvas, this.#raster, width * scale, height * scale);
  }
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
 * Paints every thumbnail by its own strongest patch.
 * @param {Tensor} attention
 * @param {{rows: number, columns: number}} grid
 * @returns {HTMLCanvasElement}
 */
function paintedWall(attention, { rows, columns }) {
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
  return canvas;
}
