/**
 * Two tokens on the picture: the one that asks and the one that is asked.
 */

import { make, makeDrawn } from "../element.js";
import { pictureCanvas } from "./pixels.js";

/** @typedef {import("./step.js").Scene} Scene */
/** @typedef {{row: number, column: number} | null} Place null for a token that is no patch */

const BEND = 0.22; // how far the line between the patches bends, as a share of its length

/**
 * Draws the picture with both patches outlined and a line from query to key.
 * @param {Scene} scene
 * @param {number} query a token
 * @param {number} key a token
 * @returns {HTMLElement}
 */
export function pair({ facts }, query, key) {
  const { architecture, pixels } = facts;
  const { rows, columns } = architecture;
  const [from, to] = [query, key].map((token) => {
    const patch = architecture.patchOf(token);
    return patch === null ? null : architecture.placeOf(patch);
  });
  const svg = makeDrawn(
    "svg",
    { viewBox: `0 0 ${columns} ${rows}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    ...line(from, to),
    ...outline("query", from),
    ...outline("key", to),
  );
  /** @param {"query" | "key"} kind @param {number} token */
  const named = (kind, token) =>
    make("p", "", make("b", `chip ${kind}`, kind[0]), architecture.nameOfToken(token));
  const names = make("figcaption", "", named("query", query), named("key", key));
  return make("figure", "pair", make("div", "stacked", pictureCanvas(pixels), svg), names);
}

/**
 * @param {"query" | "key"} kind
 * @param {Place} place
 */
function outline(kind, place) {
  if (!place) return [];
  const box = { x: place.column, y: place.row, width: 1, height: 1 };
  return [makeDrawn("rect", { ...box, class: "halo" }), makeDrawn("rect", { ...box, class: kind })];
}

/**
 * @param {Place} from
 * @param {Place} to
 */
function line(from, to) {
  if (!from || !to || (from.row === to.row && from.column === to.column)) return [];
  const [dx, dy] = [to.column - from.column, to.row - from.row];
  const bend = `${dx / 2 - dy * BEND} ${dy / 2 + dx * BEND}`;
  const d = `M${from.column + 0.5} ${from.row + 0.5}q${bend} ${dx} ${dy}`;
  return [makeDrawn("path", { d, class: "halo" }), makeDrawn("path", { d, class: "way" })];
}
