/**
 * Two tokens on the picture: the one that asks and the one that is asked.
 */

import { make, makeDrawn } from "../element.js";
import { pictureCanvas } from "./pixels.js";

/** @typedef {import("./step.js").Scene} Scene */

const BEND = 0.22; // how far the line between the patches bends, as a share of its length

/**
 * Draws the picture with both patches outlined and a line from query to key.
 * @param {Scene} scene
 * @param {number} query a token
 * @param {number} key a token
 * @returns {HTMLElement}
 */
export function pair(scene, query, key) {
  const { architecture, pixels } = scene.facts;
  const { rows, columns } = architecture;
  const tokens = [
    { kind: "query", place: placeOf(scene, query), token: query },
    { kind: "key", place: placeOf(scene, key), token: key },
  ];
  const marks = tokens.map(({ kind, place }) => place && outline(kind, place));
  const svg = makeDrawn(
    "svg",
    { viewBox: `0 0 ${columns} ${rows}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    ...marks.flatMap((mark) => mark ?? []),
    ...line(tokens[0].place, tokens[1].place),
  );
  return make(
    "figure",
    "pair",
    make("div", "stacked", pictureCanvas(pixels), svg),
    make(
      "figcaption",
      "",
      ...tokens.map(({ kind, token }) =>
        make(
          "p",
          "",
          make("b", `chip ${kind}`, scene.text(`short_${kind}`)),
          architecture.nameOfToken(token),
        ),
      ),
    ),
  );
}

/**
 * @param {Scene} scene
 * @param {number} token
 * @returns {{row: number, column: number} | null} null for a token that is no patch
 */
function placeOf({ facts: { architecture } }, token) {
  const patch = architecture.patchOf(token);
  return patch === null ? null : architecture.placeOf(patch);
}

/**
 * @param {string} kind
 * @param {{row: number, column: number}} place
 */
function outline(kind, { row, column }) {
  const box = { x: column, y: row, width: 1, height: 1 };
  return [makeDrawn("rect", { ...box, class: "halo" }), makeDrawn("rect", { ...box, class: kind })];
}

/**
 * @param {{row: number, column: number} | null} from
 * @param {{row: number, column: number} | null} to
 */
function line(from, to) {
  if (!from || !to || (from.row === to.row && from.column === to.column)) return [];
  const [x, y, dx, dy] = [
    from.column + 0.5, from.row + 0.5, to.column - from.column, to.row - from.row,
  ];
  const bend = `${dx / 2 - dy * BEND} ${dy / 2 + dx * BEND}`;
  const d = `M${x} ${y}q${bend} ${dx} ${dy}`;
  return [makeDrawn("path", { d, class: "halo" }), makeDrawn("path", { d, class: "line" })];
}
