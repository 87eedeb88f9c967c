/**
 * The methods that explain, all described, one of them chosen.
 */

import { byId, make } from "./element.js";
import { isText, text } from "./strings.js";

/** @typedef {import("./api.js").Method} Method */

/** Keeps one method chosen of those that a model offers. */
export class MethodList {
  #list = byId("methods", HTMLElement);
  #measured = byId("measured", HTMLElement);
  #onChoose;
  /** @type {Map<string, {method: Method, radio: HTMLInputElement}>} */
  #items = new Map();

  /** @param {() => void} onChoose */
  constructor(onChoose) {
    this.#onChoose = onChoose;
  }

  /** The method chosen, or none before any is offered. */
  get chosen() {
    return [...this.#items.values()].find(({ radio }) => radio.checked)?.method ?? null;
  }

  /** @param {string} name */
  choose(name) {
    const item = this.#items.get(name);
    if (item) item.radio.checked = true;
  }

  /**
   * Offers methods.
   * @param {Method[]} methods
   */
  offer(methods) {
    this.#items = new Map();
    this.#list.replaceChildren(...methods.map((method) => this.#item(method)));
    const place = methods.find(({ faithfulness }) => faithfulness)?.measured_on;
    this.#measured.textContent = place ? text("measured", { place }) : "";
  }

  /** @param {Method} method */
  #item(method) {
    const { name, summary, cost, faithfulness, is_default } = method;
    const radio = make("input", "");
    Object.assign(radio, { type: "radio", name: "method", value: name, id: `method-${name}` });
    radio.autocomplete = "off";
    radio.addEventListener("change", this.#onChoose);
    this.#items.set(name, { method, radio });
    const title = make("span", "name", methodTitle(name));
    if (is_default) title.append(" ", make("small", "badge", text("method_default")));
    title.id = `${radio.id}-name`;
    const costs = text("method_cost", { cost: cost.replaceAll("`", "") });
    const about = make("span", "about", `${summary} `, make("span", "cost", costs));
    if (faithfulness) about.append(make("span", "delta", deltaText(faithfulness.delta)));
    about.id = `${radio.id}-about`;
    radio.setAttribute("aria-labelledby", title.id); // the name alone; the rest describes it
    radio.setAttribute("aria-describedby", about.id);
    return make("label", "method", radio, title, about);
  }
}

/** @param {import("./api.js").Interval} delta */
function deltaText({ mean, low, high }) {
  const [shown, from, to] = [mean, low, high].map((area) => area.toFixed(2));
  return text("method_delta", { mean: shown, low: from, high: to });
}

/**
 * Gives a method's name as a title: as its authors write it, or with spaces and a capital first.
 * @param {string} name
 * @returns {string}
 */
export function methodTitle(name) {
  const known = `method_${name}`;
  if (isText(known)) return text(known);
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
