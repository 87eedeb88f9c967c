/**
 * The controls of layer and head, there only where a step heeds them.
 */

import { byId } from "../element.js";
import { text } from "./text.js";

/** Keeps the controls true to a view. */
export class Controls {
  #layer = byId("layer", HTMLInputElement);
  #head = byId("head", HTMLInputElement);

  /** @param {(change: Partial<import("./view.js").View>) => void} go */
  constructor(go) {
    this.#layer.addEventListener("input", () => go({ layer: this.#layer.valueAsNumber }));
    this.#head.addEventListener("input", () => go({ head: this.#head.valueAsNumber }));
  }

  /**
   * @param {import("./step.js").Step} step
   * @param {import("./view.js").View} view
   * @param {import("./architecture.js").Architecture} architecture
   */
  show(step, view, { depth, heads }) {
    set(this.#layer, "layer", view.layer, depth, step.byLayer ?? false);
    set(this.#head, "head", view.head, heads, step.byHead ?? false);
    byId("controls", HTMLElement).hidden = !step.byLayer && !step.byHead;
  }
}

/**
 * @param {HTMLInputElement} input
 * @param {"layer" | "head"} name
 * @param {number} value
 * @param {number} count
 * @param {boolean} isHeeded
 */
function set(input, name, value, count, isHeeded) {
  input.max = String(count - 1);
  input.value = String(value);
  const said = text("of_last", { value, last: count - 1 });
  input.setAttribute("aria-valuetext", said);
  byId(`${name}-value`, HTMLOutputElement).value = said;
  byId(`${name}-field`, HTMLElement).hidden = !isHeeded || count < 2;
}
