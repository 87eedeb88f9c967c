/**
 * Which tokens are much longer than the others of their layer.
 *
 * Large, long trained models turn a few patches that tell little into very long tokens, which then
 * carry something about the whole picture; registers take that work over: Darcet, Oquab, Mairal and
 * Bojanowski, "Vision Transformers Need Registers", ICLR 2024.
 */

import { medianOf } from "./lengths.js";

/** @typedef {import("./lengths.js").Values} Values */
/**
 * `patches` numbers those above the bound, longest first; `longest` is how often the median the
 * longest patch token is.
 * @typedef {{median: number, deviation: number, bound: number, patches: number[], longest: number}} HighNorms
 */

export const DEVIATIONS = 5; // above the median, in median absolute deviations
const LEAST_DEVIATION = 0.01; // of the median: patches of one colour hardly differ

/**
 * Finds the patches whose token is longer than the median by more than so many median absolute
 * deviations.
 * @param {Values} norms of the patches of one layer
 * @returns {HighNorms}
 */
export function highNorms(norms) {
  const all = Array.from(norms);
  const median = medianOf(all);
  const spread = medianOf(all.map((norm) => Math.abs(norm - median)));
  const deviation = Math.max(spread, LEAST_DEVIATION * median);
  const bound = median + DEVIATIONS * deviation;
  const patches = all
    .map((_, patch) => patch)
    .filter((patch) => all[patch] > bound)
    .sort((one, other) => all[other] - all[one]);
  return { median, deviation, bound, patches, longest: Math.max(...all) / median };
}
