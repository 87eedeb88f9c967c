/**
 * The picture as the model sees it, cut into patches.
 */

import { emptyCanvas, make } from "../element.js";
import { drawnPixels } from "./facts.js";
import { moveAbout } from "./grid.js";
import { inkOf, rangeOf } from "./ink.js";
import { canMove } from "./motion.js";
import { number } from "./number.js";
import { rasterOf } from "./raster.js";
import { colorScale } from "./scale.js";

/**
 * @typedef {{patch: number, className: string, text: string}} PatchMark
 *
 * @typedef {object} PatchGridOptions
 * @property {string} label
 * @property {ArrayLike<number>} [heat] one number for each patch, painted over the picture
 * @property {boolean} [signed]
 * @property {[number, number]} [range] of the heat's colours
 * @property {number} [strength] of the heat, 0 to 1
 * @property {boolean} [showOriginal] whether the visitor's picture is shown, not the model's pixels
 * @property {PatchMark[]} [marks] more patches that are outlined and named
 * @property {number[]} [marked] patches with a dotted frame
 * @property {number} [maxSide] CSS pixels
 * @property {string} [caption]
 * @property {(patch: number) => void} [onPoint]
 * @property {(patch: number) => void} [onPick] instead of pinning the patch
 * @property {boolean} [plain] without scale and read-out
 * @property {number} [gap] CSS pixels between the patches
 */

const LONGEST_SIDE = 384; // CSS pixels
const STRENGTH = 0.72;
const PAUSE = 250; // milliseconds
const OPENING = 450;

/**
 * Draws the patches. Hover and arrow keys name one; a click or Enter pins it.
 * @param {import("./step.js").Scene} scene
 * @param {PatchGridOptions} options
 * @returns {HTMLElement}
 */
export function patchGrid(scene, options) {
  const { facts, view, text } = scene;
  const { architecture } = facts;
  const { rows, columns } = architecture;
  const { heat, label, strength = STRENGTH, signed = false, maxSide = LONGEST_SIDE } = options;
  const range = options.range ?? (heat ? rangeOf(heat, signed) : undefined);
  const picture = emptyCanvas();
  const cells = make("div", "cells", picture);
  const { gap = 0 } = options;
  for (const patch of options.marked ?? []) cells.append(box(patch, rows, columns, "dotted"));
  for (const { patch, className, text: said } of options.marks ?? []) {
    cells.append(box(patch, rows, columns, `outlined ${className}`, said));
  }
  cells.append(box(view.patch, rows, columns, "outlined mine", text("mark_mine", { patch: view.patch })));
  const here = box(0, rows, columns, "here");
  here.hidden = true;
  cells.append(here);

  /** @param {number} patch */
  const said = (patch) => {
    const name = architecture.nameOfPatch(patch);
    return heat ? text("patch_value", { name, value: number(heat[patch]) }) : name;
  };
  const hint = () => (heat ? said(view.patch) : text("patches_hint"));
  const readout = make("output", "readout", hint());
  const plane = make("div", "plane patches", cells);
  plane.tabIndex = 0;
  plane.dataset.focus = label;
  plane.setAttribute("role", "application");
  plane.setAttribute("aria-roledescription", text("patches_role"));
  plane.setAttribute("aria-label", label);
  const pick = options.onPick ?? ((/** @type {number} */ patch) => scene.go({ patch }));
  const at = architecture.placeOf(view.patch);
  moveAbout(plane, cells, {
    rows,
    columns,
    start: [at.row, at.column],
    point: (cell) => {
      here.hidden = !cell;
      if (!cell) {
        readout.value = hint();
        return;
      }
      const patch = cell[0] * columns + cell[1];
      locate(here, patch, rows, columns);
      readout.value = said(patch);
      options.onPoint?.(patch);
    },
    pick: ([row, column]) => pick(row * columns + column),
  });

  const figure = make("figure", "patch-grid", plane);
  if (options.caption) figure.prepend(make("figcaption", "", options.caption));
  /** @type {Layer[]} */
  const layers = [[options.showOriginal ? croppedOriginal(facts) : drawnPixels(facts.pixels), 1]];
  if (heat && range) layers.push([rasterOf(heat, rows, columns, inkOf(signed, range)), strength]);
  let opened = gap > 0 && scene.isNew && canMove() ? 0 : 1; // how far the patches have moved apart
  const draw = () => {
    const side = Math.floor(Math.min(figure.clientWidth, maxSide));
    if (side <= 0) return;
    drawPatches(picture, layers, { rows, columns, side, gap: gap * opened });
  };
  /** @param {number} start @param {number} now */
  const open = (start, now) => {
    if (scene.signal.aborted) return;
    opened = Math.min(Math.max(now - start, 0) / OPENING, 1) ** 0.5;
    draw();
    if (opened < 1) requestAnimationFrame((next) => open(start, next));
  };
  if (opened === 0) requestAnimationFrame((now) => open(now + PAUSE, now));
  const observer = new ResizeObserver(draw);
  observer.observe(figure);
  scene.signal.addEventListener("abort", () => observer.disconnect());
  if (!options.plain) {
    figure.append(make("div", "below", ...(range ? [colorScale(signed, range)] : []), readout));
  }
  return figure;
}

/** @typedef {[HTMLCanvasElement, number]} Layer a picture and how opaque it is */

/**
 * Draws pictures over each other, cut into patches: with a gap between them or a line.
 * @param {HTMLCanvasElement} canvas
 * @param {Layer[]} layers
 * @param {{rows: number, columns: number, side: number, gap: number}} cut in CSS pixels
 */
function drawPatches(canvas, layers, { rows, columns, side, gap }) {
  const ratio = window.devicePixelRatio || 1;
  const cell = (side * ratio) / columns;
  [canvas.width, canvas.height] = [Math.round(cell * columns), Math.round(cell * rows)];
  canvas.style.width = `${canvas.width / ratio}px`;
  canvas.style.height = `${canvas.height / ratio}px`;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  for (const [picture, opacity] of layers) {
    pen.imageSmoothingEnabled = picture.width > canvas.width; // what is made smaller, not pixels
    pen.globalAlpha = opacity;
    if (gap === 0) pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
    else drawApart(pen, picture, rows, columns, cell, Math.round((gap * ratio) / 2));
  }
  if (gap > 0) return;
  pen.globalAlpha = 0.5;
  pen.globalCompositeOperation = "difference"; // seen on light and dark alike
  pen.fillStyle = "#ffffff";
  for (let row = 1; row < rows; row += 1) pen.fillRect(0, Math.round(row * cell), canvas.width, 1);
  for (let column = 1; column < columns; column += 1) pen.fillRect(Math.round(column * cell), 0, 1, canvas.height);
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {HTMLCanvasElement} picture
 * @param {number} rows
 * @param {number} columns
 * @param {number} cell pixels
 * @param {number} inset
 */
function drawApart(pen, picture, rows, columns, cell, inset) {
  const [wide, high] = [picture.width / columns, picture.height / rows];
  for (let patch = 0; patch < rows * columns; patch += 1) {
    const [row, column] = [Math.floor(patch / columns), patch % columns];
    const [left, top] = [Math.round(column * cell), Math.round(row * cell)];
    const [right, bottom] = [Math.round((column + 1) * cell), Math.round((row + 1) * cell)];
    pen.drawImage(picture, column * wide, row * high, wide, high,
      left + inset, top + inset, right - left - 2 * inset, bottom - top - 2 * inset);
  }
}

/**
 * Gives what the model sees of the original, in the original's pixels.
 * @param {import("./facts.js").Facts} facts
 * @returns {HTMLCanvasElement}
 */
export function croppedOriginal({ image, original, crop: [left, top, right, bottom], isImageShown }) {
  const canvas = document.createElement("canvas");
  const factor = isImageShown ? image.width / original.width : 0;
  const box = factor
    ? [left * factor, top * factor, (right - left) * factor, (bottom - top) * factor]
    : [0, 0, image.width, image.height];
  [canvas.width, canvas.height] = [Math.max(1, Math.round(box[2])), Math.max(1, Math.round(box[3]))];
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.drawImage(image, box[0], box[1], box[2], box[3], 0, 0, canvas.width, canvas.height);
  return canvas;
}

/**
 * @param {number} patch
 * @param {number} rows
 * @param {number} columns
 * @param {string} className
 * @param {string} [said]
 */
function box(patch, rows, columns, className, said) {
  const element = make("i", className);
  if (said) {
    const name = make("span", "", said);
    if (patch < columns) name.classList.add("under");
    if (patch % columns > columns / 2) name.classList.add("ending");
    element.append(name);
  }
  locate(element, patch, rows, columns);
  return element;
}

/**
 * @param {HTMLElement} element
 * @param {number} patch
 * @param {number} rows
 * @param {number} columns
 */
function locate(element, patch, rows, columns) {
  const [row, column] = [Math.floor(patch / columns), patch % columns];
  element.style.top = `${(row * 100) / rows}%`;
  element.style.left = `${(column * 100) / columns}%`;
  element.style.height = `${100 / rows}%`;
  element.style.width = `${100 / columns}%`;
}
