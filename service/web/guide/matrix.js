/**
 * A matrix of the model: its numbers as colours, and each of them to be read out.
 */

import { emptyCanvas, make } from "../element.js";
import { moveAbout } from "./grid.js";
import { bandColor, inkOf, rangeOf } from "./ink.js";
import { Loupe } from "./loupe.js";
import { markersOf } from "./markers.js";
import { number } from "./number.js";
import { drawRaster, rasterOf } from "./raster.js";
import { colorScale } from "./scale.js";
import { numberTable } from "./table.js";

/**
 * @typedef {object} MatrixOptions
 * @property {import("./tensor.js").Tensor} tensor of two axes
 * @property {string} label
 * @property {(row: number) => string} rowName
 * @property {(column: number) => string} columnName
 * @property {import("./markers.js").Axis} [rows] what the rows are, to mark the pinned patch's
 * @property {import("./markers.js").Axis} [columns]
 * @property {boolean} [signed] true unless said otherwise
 * @property {[number, number]} [range]
 * @property {import("./ink.js").Hue} [hue]
 * @property {number} [bands] of equal width, a strip of colours over the columns
 * @property {[number, number] | null} [focus] the cell that is framed
 * @property {(row: number, column: number) => void} [onPick] by click or Enter
 * @property {(row: number, column: number) => void} [onPoint] by hover or arrow keys
 * @property {number} [maxHeight] CSS pixels
 * @property {string} [caption]
 * @property {[string, string]} [axes] what rows and columns are, where `rows` and `columns` do not say
 * @property {boolean} [square] whether cells are as high as wide
 * @property {number} [tall] CSS pixels, however wide the cells are
 * @property {boolean} [plain] without scale, read-out and table: a thumbnail
 */

const TALLEST = 520; // CSS pixels
const LARGEST_CELL = 26;
const NARROWEST_CELL = 1; // narrower ones scroll sideways
const MOST_WIDE = 3; // times as wide as high
const MOST_HIGH = 1.7; // times as high as wide

/**
 * Draws a matrix.
 * @param {import("./step.js").Scene} scene
 * @param {MatrixOptions} options
 * @returns {HTMLElement}
 */
export function matrix(scene, options) {
  const { tensor, label, caption, bands, hue, focus = null, plain = false } = options;
  const isSigned = options.signed ?? true;
  const [rows, columns] = tensor.shape;
  const range = options.range ?? rangeOf(tensor.data, isSigned);
  const raster = rasterOf(tensor.data, rows, columns, inkOf(isSigned, range, hue));
  const canvas = emptyCanvas();
  const marks = make("div", "marks");
  const cross = [make("i", "cross across"), make("i", "cross down"), make("i", "cross here")];
  const frame = make("i", "framed");
  const cells = make("div", "cells", canvas, marks, frame, ...cross);
  const loupe = new Loupe(raster, cells);
  const plane = make("div", "plane", ...(bands ? [bandStrip(bands)] : []), cells);
  const readout = make("output", "readout", focus ? said(...focus) : scene.text("matrix_hint"));
  const scroller = make("div", "scroll", plane);
  const figure = make("figure", "matrix", scroller);
  if (caption) figure.prepend(make("figcaption", "", caption));

  Object.assign(plane.dataset, { focus: label, rows, columns });
  plane.tabIndex = 0;
  plane.setAttribute("role", "application");
  plane.setAttribute("aria-roledescription", scene.text("matrix_role"));
  plane.setAttribute("aria-label", `${label}, ${rows} \u00d7 ${columns}`);

  /** @param {number} row @param {number} column */
  function said(row, column) {
    const value = number(tensor.at(row, column), 5);
    return scene.text("matrix_cell", { row: options.rowName(row), column: options.columnName(column), value });
  }
  /** @param {import("./grid.js").Cell | null} cell */
  const point = (cell) => {
    const isPointed = cell !== null;
    for (const line of cross) line.hidden = !isPointed;
    if (!plain) loupe.show(cell);
    if (!cell) {
      readout.value = focus ? said(...focus) : scene.text("matrix_hint");
      return;
    }
    const [row, column] = cell;
    place(cross[0], row / rows, 0, 1 / rows, 1);
    place(cross[1], 0, column / columns, 1, 1 / columns);
    place(cross[2], row / rows, column / columns, 1 / rows, 1 / columns);
    readout.value = said(row, column);
    options.onPoint?.(row, column);
  };
  const rowMarks = markersOf(scene, options.rows);
  const columnMarks = markersOf(scene, options.columns);
  frame.hidden = !focus;
  if (focus) place(frame, focus[0] / rows, focus[1] / columns, 1 / rows, 1 / columns);
  for (const line of cross) line.hidden = true;
  const mine = rowMarks.find(({ kind }) => kind === "mine");
  const start = focus ?? /** @type {[number, number]} */ ([mine?.at ?? 0, 0]);
  moveAbout(plane, cells, {
    rows, columns, start, point, pick: options.onPick && ((cell) => options.onPick?.(...cell)),
  });

  plane.classList.toggle("has-rows", rowMarks.length > 0);
  plane.classList.toggle("has-columns", columnMarks.length > 0);
  const draw = () => {
    const room = scroller.clientWidth - (rowMarks.length ? gutter(plane) : 0);
    if (room <= 0) return;
    const [width, height] = sizeOf(rows, columns, room, options);
    drawRaster(canvas, raster, width, height);
    marks.replaceChildren(
      ...markElements(rowMarks, rows, height, "row"),
      ...markElements(columnMarks, columns, width, "column"),
    );
  };
  const observer = new ResizeObserver(draw);
  observer.observe(figure);
  scene.signal.addEventListener("abort", () => observer.disconnect());
  if (!plain) {
    const table = numberTable({
      rows, columns, label, rowName: options.rowName, columnName: options.columnName,
      cell: (row, column) => tensor.at(row, column), open: scene.text("show_table"),
      previous: scene.text("table_previous"), next: scene.text("table_next"),
    });
    figure.insertBefore(axesLine(scene, options), scroller);
    figure.append(make("div", "below", colorScale(isSigned, range, hue), readout), table);
  }
  return figure;
}

/**
 * Says what the axes are, where it is known.
 * @param {import("./step.js").Scene} scene
 * @param {MatrixOptions} options
 */
function axesLine({ text }, { tensor: { shape }, rows, columns, axes = ["", ""] }) {
  const names = [rows ? text(`axis_${rows}`) : axes[0], columns ? text(`axis_${columns}`) : axes[1]];
  const said = names.map((name, axis) => name && `${"\u2193\u2192"[axis]} ${shape[axis]} ${name}`);
  return make("p", "axes", said.filter(Boolean).join("   "));
}

/** @param {HTMLElement} plane */
function gutter(plane) {
  return parseFloat(getComputedStyle(plane).paddingInlineStart) || 0;
}

/**
 * @param {number} rows
 * @param {number} columns
 * @param {number} room CSS pixels
 * @param {MatrixOptions} options
 */
function sizeOf(rows, columns, room, { maxHeight = TALLEST, square = rows === columns, tall }) {
  let wide = Math.min(room / columns, LARGEST_CELL);
  let high = Math.min(maxHeight / rows, LARGEST_CELL);
  if (tall) high = tall / rows;
  else if (square) wide = high = Math.min(wide, high);
  else [wide, high] = [Math.min(wide, high * MOST_WIDE), Math.min(high, wide * MOST_HIGH)];
  wide = Math.max(wide, NARROWEST_CELL);
  return [Math.floor(wide * columns), tall ?? Math.max(Math.floor(high * rows), 1)];
}

/**
 * @param {HTMLElement} element
 * @param {number} top shares of the cells' box
 * @param {number} left
 * @param {number} height
 * @param {number} width
 */
function place(element, top, left, height, width) {
  const at = { top, left, height, width };
  for (const [side, share] of Object.entries(at)) element.style.setProperty(side, `${share * 100}%`);
}

const LABEL_ROOM = 17; // CSS pixels

/**
 * @param {import("./markers.js").Marker[]} markers
 * @param {number} count of rows or columns
 * @param {number} length of the axis in CSS pixels
 * @param {"row" | "column"} axis
 */
function markElements(markers, count, length, axis) {
  const mine = markers.find(({ kind }) => kind === "mine");
  return markers.map(({ at, kind, label }) => {
    const name = make("span", "", kind === "register" ? "" : label);
    const mark = make("div", `mark ${axis} ${kind}`, name);
    const [start, size] = [`${(at / count) * 100}%`, `${100 / count}%`];
    Object.assign(mark.style, axis === "row" ? { top: start, height: size } : { left: start, width: size });
    const isClose = mine && kind !== "register" && ((mine.at - 0) / count) * length < LABEL_ROOM * (axis === "row" ? 1 : 3);
    if (isClose) mark.classList.add(kind === "mine" ? "after" : "before");
    return mark;
  });
}

/** @param {number} bands */
function bandStrip(bands) {
  const strip = make("div", "bands");
  for (let band = 0; band < bands; band += 1) {
    const one = make("i", "");
    one.style.background = bandColor(band, bands);
    strip.append(one);
  }
  return strip;
}
