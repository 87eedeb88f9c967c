/**
 * The classes of a picture as bars, each a button that asks for the class's own map.
 */

import { make } from "./element.js";
import { percent, text } from "./strings.js";

/** @typedef {import("./api.js").Prediction} Prediction */

/** Keeps the one bar pressed whose map is shown. */
export class Bars {
  #list;
  #onChoose;
  /** @type {Map<number, HTMLButtonElement>} */
  #buttons = new Map();

  /**
   * @param {HTMLOListElement} list
   * @param {(prediction: Prediction) => void} onChoose
   */
  constructor(list, onChoose) {
    this.#list = list;
    this.#onChoose = onChoose;
  }

  /**
   * Shows classes, best first.
   * @param {Prediction[]} predictions
   */
  show(predictions) {
    this.#buttons = new Map(predictions.map((item) => [item.index, this.#button(item)]));
    this.#list.replaceChildren(
      ...[...this.#buttons.values()].map((button) => make("li", "", button)),
    );
  }

  /**
   * Says whose map is shown.
   * @param {number | null} index of the class, or null for none
   */
  press(index) {
    for (const [own, button] of this.#buttons) {
      button.setAttribute("aria-pressed", String(own === index));
    }
  }

  /**
   * @param {Prediction} prediction
   * @returns {HTMLButtonElement}
   */
  #button(prediction) {
    const fill = make("span", "fill");
    fill.style.setProperty("width", `${prediction.probability * 100}%`);
    const share = make("data", "share", percent(prediction.probability));
    share.value = String(prediction.probability);
    const name = make("span", "name", make("span", "", prediction.label), " ");
    const shown = make("small", "shown", text("map_shown"));
    shown.setAttribute("aria-hidden", "true"); // aria-pressed says it
    name.append(shown);
    const button = make("button", "bar", name, share, make("span", "track", fill));
    button.type = "button";
    button.addEventListener("click", () => this.#onChoose(prediction));
    return button;
  }
}
