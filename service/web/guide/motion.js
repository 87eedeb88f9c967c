/**
 * Whether drawings may move.
 */

const LITTLE = matchMedia("(prefers-reduced-motion: reduce)");

/** Whether the person lets drawings move. */
export function canMove() {
  return !LITTLE.matches;
}
