/**
 * The colour bar: which score each colour of a map stands for.
 */

import { cividisGradient } from "./cividis.js";
import { make } from "./element.js";
import { scoreText, text } from "./strings.js";

/** Keeps the bar's numbers and its mark on one scale. */
export class ColorBar {
  #root;
  #mark = make("span", "mark");
  #ramp = make("span", "ramp", this.#mark);
  #numbers = make("span", "numbers");
  #scale = { min: 0, max: 1 };

  /** @param {HTMLElement} root an empty element */
  constructor(root) {
    this.#root = root;
    this.#ramp.style.setProperty("background-image", cividisGradient());
    root.setAttribute("role", "img");
    root.append(this.#ramp, this.#numbers);
  }

  /**
   * Shows the scores at both ends and in the middle.
   * @param {{min: number, max: number}} scale
   */
  show(scale) {
    this.#scale = scale;
    const [min, middle, max] = [scale.min, (scale.min + scale.max) / 2, scale.max].map(scoreText);
    this.#numbers.replaceChildren(...[min, middle, max].map((number) => make("span", "", number)));
    this.#root.setAttribute("aria-label", text("scale_label", { min, middle, max }));
    this.mark(null);
  }

  /**
   * Marks a score, or none.
   * @param {number | null} score
   */
  mark(score) {
    this.#mark.hidden = score === null;
    const span = this.#scale.max - this.#scale.min;
    const share = score === null || span <= 0 ? 0 : (score - this.#scale.min) / span;
    this.#mark.style.setProperty("left", `${share * 100}%`);
  }
}
