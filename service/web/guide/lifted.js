/**
 * A matrix of tokens of which some rows are taken: those in colour, the others grey.
 */

import { make } from "../element.js";
import { inkOf, rangeOf } from "./ink.js";

const TALLEST = 320; // CSS pixels
const ROW = 6; // CSS pixels, where there is room
const LINE = 16; // CSS pixels
const RISE = 20; // CSS pixels, as the style sheet has it
const FAINT = 0.28; // of a grey row's darkness

/**
 * @param {import("./step.js").Scene} scene
 * @param {{tensor: import("./tensor.js").Tensor, isTaken: (row: number) => boolean,
 *   feature: number, label: string}} options `feature` is the column that is framed
 * @returns {HTMLElement}
 */
export function lifted({ facts, text, view }, { tensor, isTaken, feature, label }) {
  const [rows, columns] = tensor.shape;
  const canvas = painted(tensor, isTaken);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  const height = Math.min(rows * ROW, TALLEST);
  canvas.style.height = `${height}px`;
  const mark = (/** @type {string} */ name, /** @type {number} */ row) => {
    const said = make("span", name, text(`step22_${name}`));
    said.style.top = `${RISE + ((row + 0.5) / rows) * height}px`;
    return said;
  };
  const own = facts.architecture.tokenOf(view.patch);
  const marks = [mark("own", own)];
  if (!isTaken(own)) marks.push(mark("taken", 0));
  const isClose = (own / rows) * height < LINE;
  if (isClose) marks[0].style.top = `${RISE + 1.25 * LINE}px`;
  const column = make("i", "column");
  Object.assign(column.style, { left: `${(feature * 100) / columns}%`, width: `${100 / columns}%` });
  return make("div", "lifted", make("div", "lifted-rows", canvas, column), ...marks);
}

/**
 * @param {import("./tensor.js").Tensor} tensor
 * @param {(row: number) => boolean} isTaken
 */
function painted({ shape: [rows, columns], data }, isTaken) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [columns, rows];
  const pen = canvas.getContext("2d");
  const image = new ImageData(columns, rows);
  const { colors, level } = inkOf(true, rangeOf(data, true));
  for (let at = 0; at < data.length; at += 1) {
    const from = level(data[at]) * 3;
    const color = [colors[from], colors[from + 1], colors[from + 2]];
    const isColored = isTaken(Math.floor(at / columns));
    const grey = 0.3 * color[0] + 0.59 * color[1] + 0.11 * color[2];
    image.data.set(isColored ? [...color, 255] : [grey, grey, grey, 255 * FAINT], at * 4);
  }
  pen?.putImageData(image, 0, 0);
  return canvas;
}
