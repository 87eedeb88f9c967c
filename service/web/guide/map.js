/**
 * Where a step is in the model.
 */

/** Keeps the part of the model lit that a step is about. */
export class ModelMap {
  /** Writes the map in the language spoken. */
  write() {}

  /** @param {string} _id */
  show(_id) {}
}
