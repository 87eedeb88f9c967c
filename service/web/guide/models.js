/**
 * The models served, and the one that is asked.
 */

import { getModels } from "../api.js";
import { byId, fillSelect } from "../element.js";
import { Problem } from "../problem.js";
import { text } from "./text.js";

/** @typedef {import("../api.js").Model} Model */

/** Keeps the choice true to the model that is shown. */
export class Models {
  #select = byId("model", HTMLSelectElement);
  /** @type {Model[]} */
  #all = [];
  /** The one that is shown, or will be at first. @type {Model | null} */
  #shown = null;

  /** @param {(model: Model) => void} choose */
  constructor(choose) {
    this.#select.addEventListener("change", () => choose(this.#all[Number(this.#select.value)]));
  }

  /**
   * Gives the model that is shown; asks which there are where that is not known yet.
   * @param {AbortSignal} signal
   * @returns {Promise<Model>}
   */
  async current(signal) {
    if (this.#shown) return this.#shown;
    this.#all = await getModels(signal);
    const model = this.#all.find((one) => one.is_default) ?? this.#all[0];
    if (!model) {
      throw new Problem(text("problem_no_model"), text("problem_no_model_detail"), { mayPass: true });
    }
    const options = this.#all.map(({ name, version }, index) => ({ value: String(index), title: `${name} ${version}` }));
    fillSelect(this.#select, options, "0");
    byId("model-field", HTMLElement).hidden = this.#all.length < 2;
    this.show(model);
    return model;
  }

  /**
   * Shows which model is asked.
   * @param {Model | null} model null for the one before, where another one failed
   */
  show(model) {
    this.#shown = model ?? this.#shown;
    if (this.#shown) this.#select.value = String(this.#all.indexOf(this.#shown));
  }
}
