/**
 * The choice of how to explain: a method and what it can be asked.
 */

import { byId, fillSelect } from "./element.js";
import { MethodList } from "./methods.js";
import { percent, text } from "./strings.js";

/**
 * What is left empty is the server's own default. `versus` is the index of a class.
 * @typedef {{method: string, versus: string, sign: string, layer: string, head: string,
 *   fusion: string, start_layer: string}} Choice
 * @typedef {import("./api.js").Prediction} Prediction
 */

/** @type {Choice} */
export const NO_CHOICE = {
  method: "",
  versus: "",
  sign: "",
  layer: "",
  head: "",
  fusion: "",
  start_layer: "",
};
const SELECTS = /** @type {const} */ (["versus", "sign", "head", "fusion"]);
const SLIDERS = /** @type {const} */ (["layer", "start_layer"]);

/** Keeps the controls to what the method chosen can be asked. */
export class ChoiceForm {
  #methods;
  #selects = SELECTS.map((name) => byId(name, HTMLSelectElement));
  #sliders = SLIDERS.map((name) => byId(name, HTMLInputElement));
  #onChange;

  /** @param {{choose: () => void, slide: () => void}} listener told of each choice, or each step */
  constructor({ choose, slide }) {
    this.#onChange = () => {
      this.#showParameters();
      choose();
    };
    this.#methods = new MethodList(this.#onChange);
    for (const select of this.#selects) select.addEventListener("change", this.#onChange);
    for (const slider of this.#sliders) {
      slider.addEventListener("input", () => {
        this.#showParameters();
        slide();
      });
    }
    fillSelect(byId("sign", HTMLSelectElement), options("sign", ["", "negative", "both"]), "");
    fillSelect(byId("fusion", HTMLSelectElement), options("fusion", ["", "max", "min"]), "");
  }

  /** What is chosen: of the parameters, those alone that the method has. */
  get choice() {
    const choice = { ...NO_CHOICE, method: this.#methods.chosen?.name ?? "" };
    for (const select of this.#selects) choice[nameOf(select)] = select.value;
    for (const slider of this.#sliders) choice[nameOf(slider)] = isDefault(slider) ? "" : slider.value;
    for (const name of [...SELECTS, ...SLIDERS]) if (!this.#has(name)) choice[name] = "";
    return choice;
  }

  set choice(choice) {
    this.#methods.choose(choice.method);
    for (const select of this.#selects) select.value = choice[nameOf(select)];
    for (const slider of this.#sliders) slider.value = choice[nameOf(slider)] || slider.defaultValue;
    this.#showParameters();
  }

  /**
   * Offers methods and, for those that have them, the layers and heads of a model.
   * @param {import("./api.js").Method[]} methods
   * @param {import("./api.js").Architecture} architecture
   */
  offer(methods, { depth, heads }) {
    this.#methods.offer(methods);
    for (const slider of this.#sliders) {
      slider.max = String(depth - 1);
      slider.defaultValue = slider.id === "layer" ? slider.max : "0";
    }
    const single = Array.from({ length: heads }, (_, head) => String(head));
    const named = single.map((value) => ({ value, title: text("head_single", { head: value }) }));
    fillSelect(byId("head", HTMLSelectElement), [...options("head", [""]), ...named], "");
  }

  /**
   * Offers the classes that the class explained can be compared with, the most probable first.
   * @param {string[]} labels of all classes
   * @param {Prediction[]} predictions
   * @param {number} target index of the class explained
   */
  offerOpponents(labels, predictions, target) {
    const likely = predictions.map(({ index, label, probability }) => {
      const title = text("versus_likely", { label, share: percent(probability) });
      return { value: index, title };
    });
    const all = labels.map((title, value) => ({ value, title }));
    const groups = [likely, predictions.length < labels.length ? all : []].map((group) =>
      group
        .filter(({ value }) => value !== target)
        .map(({ value, title }) => new Option(title, String(value))),
    );
    const select = byId("versus", HTMLSelectElement);
    select.replaceChildren(new Option(text("versus_"), ""));
    if (groups[1].length === 0) return select.append(...groups[0]);
    for (const [index, name] of /** @type {const} */ (["versus_best", "versus_all"]).entries()) {
      const group = document.createElement("optgroup");
      group.label = text(name);
      group.append(...groups[index]);
      select.append(group);
    }
  }

  /**
   * Says whether a parameter is asked for: one the method has, and heads are joined where none is
   * chosen.
   * @param {string} name
   * @returns {boolean}
   */
  #has(name) {
    if (!this.#methods.chosen?.parameters.includes(name)) return false;
    const head = byId("head", HTMLSelectElement);
    return name !== "fusion" || !this.#has("head") || head.value === "";
  }

  #showParameters() {
    const names = [...SELECTS, ...SLIDERS];
    for (const name of names) byId(`${name}-field`, HTMLElement).hidden = !this.#has(name);
    byId("parameters", HTMLElement).hidden = !names.some((name) => this.#has(name));
    for (const slider of this.#sliders) {
      const said = text("layer_value", { layer: slider.value, last: slider.max });
      byId(`${slider.id}-value`, HTMLOutputElement).value = said;
      slider.setAttribute("aria-valuetext", said);
    }
  }
}

/**
 * @param {HTMLSelectElement | HTMLInputElement} control
 * @returns {Exclude<keyof Choice, "method">}
 */
function nameOf(control) {
  return /** @type {Exclude<keyof Choice, "method">} */ (control.id);
}

/** @param {HTMLInputElement} slider */
function isDefault(slider) {
  return slider.value === slider.defaultValue;
}

/**
 * @template {"sign" | "fusion" | "head"} Name
 * @param {Name} name
 * @param {("" | "negative" | "both" | "max" | "min")[]} values
 */
function options(name, values) {
  return values.map((value) => ({
    value,
    title: text(/** @type {import("./strings.js").TextName} */ (`${name}_${value}`)),
  }));
}
