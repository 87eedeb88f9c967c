/**
 * The steps of the guide in their order, by chapters.
 */

import answer from "./steps/answer.js";
import attention from "./steps/attention.js";
import block from "./steps/block.js";
import picture from "./steps/picture.js";
import tokens from "./steps/tokens.js";

/** @typedef {import("./step.js").Step} Step */

/** The ids of all steps, by chapters; the sub-steps are the norms. */
export const CHAPTERS = [
  { name: "picture", ids: ["0", "1", "2"] },
  { name: "tokens", ids: ["3", "4", "5", "6", "7", "8"] },
  { name: "attention", ids: ["8b", "9", "10", "11", "12", "13", "14", "15", "16"] },
  { name: "block", ids: ["17", "18", "19b", "19", "20", "21"] },
  { name: "answer", ids: ["22b", "22", "23", "24"] },
];

export const IDS = CHAPTERS.flatMap(({ ids }) => ids);

const WRITTEN = new Map(
  [...picture, ...tokens, ...attention, ...block, ...answer].map((step) => [step.id, step]),
);

/**
 * Gives a step.
 * @param {string} id
 * @returns {Step}
 */
export function stepOf(id) {
  return WRITTEN.get(id) ?? { id, needs: () => ({}), draw: () => {}, shapes: () => [], check: () => null };
}

/**
 * Gives the id of the step so many steps away, or of the first or last one.
 * @param {string} id
 * @param {number} distance
 */
export function stepAway(id, distance) {
  return IDS[Math.min(Math.max(IDS.indexOf(id) + distance, 0), IDS.length - 1)];
}
