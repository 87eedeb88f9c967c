/**
 * A picture on a canvas with a map of scores over it, whose patches can be pointed at.
 */

import { paintScores } from "./scores.js";

/**
 * `box` (left, top, right, bottom) is where the map lies, in pixels of the upright picture.
 * @typedef {{scores: number[][], scale: import("./colormap.js").Scale,
 *   box: [number, number, number, number]}} PatchMap
 * @typedef {{overlay: import("./colormap.js").Overlay, alpha: number}} Drawing
 * @typedef {{pixels: CanvasImageSource | null, width: number, height: number,
 *   map: PatchMap | null}} View
 * @typedef {{row: number, column: number}} Patch
 */

const TALLEST = 600; // CSS pixels
const SHARE_OF_WINDOW = 0.7;
const WHOLE = 0.995; // less of a side than this was cropped, not rounded
const NO_PIXELS = "#808080";
const STEPS = new Map([
  ["ArrowLeft", { row: 0, column: -1 }],
  ["ArrowRight", { row: 0, column: 1 }],
  ["ArrowUp", { row: -1, column: 0 }],
  ["ArrowDown", { row: 1, column: 0 }],
  ["Home", { row: 0, column: -Infinity }],
  ["End", { row: 0, column: Infinity }],
]);

/** Keeps the canvas, the view and the patch pointed at in agreement. */
export class Heatmap {
  #canvas;
  #pen;
  #onPatch;
  /** @type {View | null} */
  #view = null;
  /** @type {HTMLCanvasElement | null} */
  #colors = null;
  /** @type {Patch | null} */
  #patch = null;
  /** @type {Drawing} */
  #drawing;

  /**
   * @param {HTMLCanvasElement} canvas inside an element that gives it its width
   * @param {Drawing} drawing
   * @param {(patch: Patch | null) => void} onPatch told which patch is pointed at
   */
  constructor(canvas, drawing, onPatch) {
    const pen = canvas.getContext("2d");
    if (!pen) throw new Error("the browser gives no 2D canvas");
    this.#canvas = canvas;
    this.#pen = pen;
    this.#drawing = drawing;
    this.#onPatch = onPatch;
    this.#listen();
    new ResizeObserver(() => this.#draw()).observe(/** @type {Element} */ (canvas.parentElement));
  }

  /**
   * Shows a picture and its map; no patch is pointed at.
   * @param {View} view
   */
  show(view) {
    this.#view = view;
    this.#paint();
    this.#point(null);
  }

  /**
   * Draws the map in another way.
   * @param {Drawing} drawing
   */
  redraw(drawing) {
    const isRepainted = drawing.overlay !== this.#drawing.overlay;
    this.#drawing = drawing;
    if (isRepainted) this.#paint();
    this.#draw();
  }

  #paint() {
    this.#colors = this.#view?.map ? paintScores(this.#view.map, this.#drawing.overlay) : null;
  }

  #listen() {
    const canvas = this.#canvas;
    canvas.addEventListener("pointermove", (event) => this.#point(this.#patchAt(event)));
    canvas.addEventListener("pointerdown", (event) => this.#point(this.#patchAt(event)));
    canvas.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse") this.#point(null);
    });
    canvas.addEventListener("focus", () => {
      if (canvas.matches(":focus-visible")) this.#point(this.#patch ?? this.#strongest());
    });
    canvas.addEventListener("blur", () => this.#point(null));
    canvas.addEventListener("keydown", (event) => this.#step(event));
  }

  /** @param {KeyboardEvent} event */
  #step(event) {
    const step = STEPS.get(event.key);
    const scores = this.#view?.map?.scores;
    if (!step || !scores || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const from = this.#patch ?? this.#strongest() ?? { row: 0, column: 0 };
    this.#point({
      row: clamp(from.row + step.row, scores.length),
      column: clamp(from.column + step.column, scores[0].length),
    });
  }

  /** @param {Patch | null} patch */
  #point(patch) {
    this.#patch = patch;
    this.#draw();
    this.#onPatch(patch);
  }

  /**
   * @param {PointerEvent} event
   * @returns {Patch | null}
   */
  #patchAt(event) {
    const { map, width, height } = this.#view ?? {};
    if (!map || !width || !height) return null;
    const place = this.#canvas.getBoundingClientRect();
    const [left, top, right, bottom] = map.box;
    const x = ((event.clientX - place.left) / place.width) * width;
    const y = ((event.clientY - place.top) / place.height) * height;
    const column = Math.floor(((x - left) / (right - left)) * map.scores[0].length);
    const row = Math.floor(((y - top) / (bottom - top)) * map.scores.length);
    return map.scores[row]?.[column] === undefined ? null : { row, column };
  }

  /** @returns {Patch | null} */
  #strongest() {
    const map = this.#view?.map;
    if (!map) return null;
    const strengths = map.scores.flat().map(Math.abs); // of what speaks against, too
    const place = strengths.indexOf(Math.max(...strengths));
    const columns = map.scores[0].length;
    return { row: Math.floor(place / columns), column: place % columns };
  }

  #draw() {
    if (!this.#view) return;
    const { pixels, width, height, map } = this.#view;
    this.#fit(width, height);
    const pen = this.#pen;
    pen.setTransform(this.#canvas.width / width, 0, 0, this.#canvas.height / height, 0, 0);
    pen.imageSmoothingQuality = "high";
    pen.fillStyle = NO_PIXELS;
    pen.fillRect(0, 0, width, height);
    if (pixels) pen.drawImage(pixels, 0, 0, width, height);
    if (map && this.#colors) this.#drawMap(map, this.#colors, width, height);
  }

  /**
   * @param {number} width
   * @param {number} height
   */
  #fit(width, height) {
    const room = this.#canvas.parentElement?.clientWidth || width;
    const tallest = Math.min(TALLEST, innerHeight * SHARE_OF_WINDOW);
    const factor = Math.min(room / width, tallest / height);
    const [shownWidth, shownHeight] = [width, height].map((side) => Math.max(1, side * factor));
    this.#canvas.style.setProperty("width", `${shownWidth}px`);
    this.#canvas.style.setProperty("height", `${shownHeight}px`);
    this.#canvas.width = Math.ceil(shownWidth * devicePixelRatio);
    this.#canvas.height = Math.ceil(shownHeight * devicePixelRatio);
  }

  /**
   * @param {PatchMap} map
   * @param {HTMLCanvasElement} colors
   * @param {number} width
   * @param {number} height
   */
  #drawMap({ scores, box: [left, top, right, bottom] }, colors, width, height) {
    const pen = this.#pen;
    pen.globalAlpha = this.#drawing.alpha;
    pen.drawImage(colors, left, top, right - left, bottom - top);
    pen.globalAlpha = 1;
    if (isCropped([left, top, right, bottom], { width, height })) {
      this.#outline(left, top, right - left, bottom - top);
    }
    if (!this.#patch) return;
    const [across, down] = [(right - left) / scores[0].length, (bottom - top) / scores.length];
    const { row, column } = this.#patch;
    this.#outline(left + column * across, top + row * down, across, down);
  }

  /**
   * Draws a frame that shows on dark and on light.
   * @param {number} left
   * @param {number} top
   * @param {number} width
   * @param {number} height
   */
  #outline(left, top, width, height) {
    const pixel = 1 / this.#pen.getTransform().a;
    for (const [color, line] of /** @type {const} */ ([["#000000", 4], ["#ffffff", 2]])) {
      this.#pen.strokeStyle = color;
      this.#pen.lineWidth = line * devicePixelRatio * pixel;
      this.#pen.strokeRect(left, top, width, height);
    }
  }
}

/**
 * Says whether the model sees less than the whole picture.
 * @param {PatchMap["box"]} box
 * @param {{width: number, height: number}} picture
 * @returns {boolean}
 */
export function isCropped([left, top, right, bottom], { width, height }) {
  return Math.min((right - left) / width, (bottom - top) / height) < WHOLE;
}

/**
 * @param {number} index
 * @param {number} count
 * @returns {number}
 */
function clamp(index, count) {
  return Math.min(Math.max(index, 0), count - 1);
}
