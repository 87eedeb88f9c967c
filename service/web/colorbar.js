/**
 * The colour bar: which score each colour of a map stands for.
 */

import { gradientOf } from "./colormap.js";
import { make } from "./element.js";
import { scoreText, text } from "./strings.js";

/**
 * @typedef {import("./colormap.js").Scale} Scale
 * @typedef {import("./colormap.js").Overlay} Overlay
 */

/** Keeps the bar's colours, its numbers and its mark on one scale. */
export class ColorBar {
  #root;
  #mark = make("span", "mark");
  #ramp = make("span", "ramp", this.#mark);
  #numbers = make("span", "numbers");
  /** @type {Scale} */
  #scale = { min: 0, max: 1, signed: false };

  /** @param {HTMLElement} root an empty element */
  constructor(root) {
    this.#root = root;
    root.setAttribute("role", "img");
    root.append(this.#ramp, this.#numbers);
  }

  /**
   * Shows the scores at both ends and in the middle, in the colours that an overlay has.
   * @param {Scale} scale
   * @param {Overlay} overlay
   */
  show(scale, overlay) {
    this.#scale = scale;
    const [min, middle, max] = [scale.min, (scale.min + scale.max) / 2, scale.max].map(scoreText);
    const sides = scale.signed ? [text("end_against"), "", text("end_for")] : ["", "", ""];
    const shown = [min, middle, max].map((number, index) => {
      return make("span", "", number, make("span", "side", sides[index]));
    });
    this.#numbers.replaceChildren(...shown);
    const label = scale.signed ? "scale_signed" : /** @type {const} */ (`scale_${overlay}`);
    this.#root.setAttribute("aria-label", text(label, { min, middle, max }));
    this.#ramp.style.setProperty("background-image", gradientOf(scale.signed, overlay));
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
