/**
 * The choice of how to explain: a method and, where it has them, sign, layer and head.
 */

import { byId, fillSelect } from "./element.js";
import { text } from "./strings.js";

/** @typedef {import("./api.js").Method} Method */
/** @typedef {import("./api.js").Architecture} Architecture */

/**
 * A layer or head left empty is the server's own choice: the last layer, the mean of the heads.
 * @typedef {{method: string, sign: string, layer: string, head: string}} Choice
 */

const PARAMETERS = /** @type {const} */ (["sign", "layer", "head"]);

/** Keeps the controls to what the method chosen can be asked. */
export class MethodChooser {
  #method = byId("method", HTMLSelectElement);
  #sign = byId("sign", HTMLSelectElement);
  #layer = byId("layer", HTMLSelectElement);
  #head = byId("head", HTMLSelectElement);
  #summary = byId("method-summary", HTMLElement);
  /** @type {Method[]} */
  #methods = [];

  /** @param {(choice: Choice) => void} onChoose */
  constructor(onChoose) {
    for (const select of [this.#method, this.#sign, this.#layer, this.#head]) {
      select.addEventListener("change", () => {
        this.#showParameters();
        onChoose(this.choice);
      });
    }
  }

  /** What is chosen. */
  get choice() {
    const has = new Set(this.#chosen?.parameters ?? []);
    return {
      method: this.#method.value,
      sign: has.has("sign") ? this.#sign.value : "",
      layer: has.has("layer") ? this.#layer.value : "",
      head: has.has("head") ? this.#head.value : "",
    };
  }

  /** @param {Choice} choice */
  set choice(choice) {
    this.#method.value = choice.method;
    this.#sign.value = choice.sign || "positive";
    this.#layer.value = choice.layer;
    this.#head.value = choice.head;
    this.#showParameters();
  }

  /**
   * Offers methods.
   * @param {Method[]} methods
   */
  offerMethods(methods) {
    this.#methods = methods;
    const options = methods.map(({ name }) => ({ value: name, title: titled(name) }));
    fillSelect(this.#method, options, defaultChoice(methods).method);
    const signs = [
      { value: "positive", title: text("sign_positive") },
      { value: "negative", title: text("sign_negative") },
    ];
    fillSelect(this.#sign, signs, "positive");
    this.#showParameters();
  }

  /**
   * Offers the layers and heads of a model; the last layer and the mean of the heads chosen.
   * @param {Architecture} architecture
   */
  offerLayers({ depth, heads }) {
    const layers = numbers(depth).map((layer) => ({ value: String(layer), title: String(layer) }));
    layers[depth - 1] = { value: "", title: text("layer_last", { layer: depth - 1 }) };
    fillSelect(this.#layer, layers, "");
    const single = numbers(heads).map((head) => ({ value: String(head), title: String(head) }));
    fillSelect(this.#head, [{ value: "", title: text("head_mean") }, ...single], "");
  }

  get #chosen() {
    return this.#methods.find((method) => method.name === this.#method.value);
  }

  #showParameters() {
    const parameters = this.#chosen?.parameters ?? [];
    this.#summary.textContent = this.#chosen?.summary ?? "";
    for (const name of PARAMETERS) {
      byId(`${name}-field`, HTMLElement).hidden = !parameters.includes(name);
    }
    byId("counted", HTMLElement).hidden = !parameters.includes("layer");
  }
}

/**
 * Gives the choice that the server makes for those who make none.
 * @param {Method[]} methods
 * @returns {Choice}
 */
export function defaultChoice(methods) {
  const method = methods.find((one) => one.is_default) ?? methods[0];
  return { method: method?.name ?? "", sign: "", layer: "", head: "" };
}

/**
 * Gives a method's name as a title: words with spaces, a capital first.
 * @param {string} name
 * @returns {string}
 */
export function titled(name) {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/**
 * @param {number} count
 * @returns {number[]}
 */
function numbers(count) {
  return Array.from({ length: count }, (_, index) => index);
}
