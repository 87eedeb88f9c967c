/**
 * The explanation of a class, asked once for each question and kept as long as the picture.
 */

import { explain, getMethods } from "../api.js";

/**
 * `target` and `versus` are indexes of classes.
 * @typedef {{target: number, versus: number | null}} Asked
 * @typedef {{explanation: import("../api.js").Explanation, name: string,
 *   takesVersus: boolean}} Explained
 */

/** Keeps one question under way: another one stops it, the same one joins it. */
class Explanations {
  /** @type {WeakMap<Blob, Map<string, Promise<Explained>>>} */
  #kept = new WeakMap();
  #controller = new AbortController();

  /**
   * Explains a class by the model's default method, rather than another class where the method can.
   * @param {import("./facts.js").Facts} facts
   * @param {Asked} asked
   * @returns {Promise<Explained>}
   */
  of({ picture, model }, asked) {
    const kept = this.#kept.get(picture) ?? new Map();
    this.#kept.set(picture, kept);
    const key = JSON.stringify([model.digest, asked.target, asked.versus]);
    if (!kept.has(key)) {
      this.#controller.abort();
      this.#controller = new AbortController();
      const answer = explained(picture, model, asked, this.#controller.signal);
      kept.set(key, answer);
      answer.catch(() => kept.delete(key));
    }
    return kept.get(key);
  }
}

/**
 * @param {Blob} picture
 * @param {{name: string, version: string}} model
 * @param {Asked} asked
 * @param {AbortSignal} signal
 * @returns {Promise<Explained>}
 */
async function explained(picture, { name, version }, { target, versus }, signal) {
  const methods = await getMethods(/** @type {import("../api.js").Model} */ ({ name, version }), signal);
  const method = methods.find(({ is_default }) => is_default) ?? methods[0];
  const takesVersus = method.parameters.includes("versus");
  const isSigned = method.parameters.includes("sign"); // where the method must be told to show both sides
  const opponent = versus !== null && takesVersus ? { versus, ...(isSigned && { sign: "both" }) } : {};
  const parameters = { model: name, version, method: method.name, target, ...opponent };
  return { explanation: await explain(picture, parameters, signal), name: method.name, takesVersus };
}

export const explanations = new Explanations();
