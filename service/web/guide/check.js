/**
 * "Is this true?": one number of the drawing, recomputed here from the tensors that were sent.
 */

import { byId, make } from "../element.js";
import { number } from "./number.js";
import { text } from "./text.js";

/** @typedef {import("./step.js").Check} Check */

const TOLERANCE = 2e-4; // of the number's size; what is sent has 24 bits, sums of many lose some
const TOLERANCE_OF_HALVES = 2e-2;
const SHOWN_TERMS = 6;

/** Keeps the panel true to one check. */
export class CheckPanel {
  #root = byId("check", HTMLElement);
  #formula = byId("check-formula", HTMLElement);
  #numbers = byId("check-numbers", HTMLElement);
  #verdict = byId("check-verdict", HTMLElement);
  #terms = byId("check-terms", HTMLElement);

  /** Takes the panel away, as where there is nothing to recompute. */
  hide() {
    this.#root.hidden = true;
  }

  /**
   * Shows a check.
   * @param {Check} check
   * @param {boolean} isRough whether tensors came in 16 bits
   */
  show({ formula, recomputed, sent, tolerance, terms = [] }, isRough) {
    const difference = Math.abs(recomputed - sent);
    const allowed = tolerance ?? (isRough ? TOLERANCE_OF_HALVES : TOLERANCE) * Math.max(1, Math.abs(sent));
    const isTrue = difference <= allowed;
    this.#formula.textContent = formula;
    this.#numbers.replaceChildren(
      fact("check_recomputed", number(recomputed, 7)),
      fact("check_sent", number(sent, 7)),
      fact("check_difference", number(difference, 3)),
    );
    this.#verdict.textContent = text(isTrue ? "check_true" : "check_false", { allowed: number(allowed, 2) });
    this.#root.dataset.verdict = isTrue ? "true" : "false";
    this.#terms.replaceChildren(...terms.slice(0, SHOWN_TERMS).map(({ label, value }) => {
      return make("li", "", make("span", "", label), " ", make("data", "", number(value)));
    }));
    if (terms.length > SHOWN_TERMS) {
      this.#terms.append(make("li", "muted", text("check_more", { count: terms.length - SHOWN_TERMS })));
    }
    this.#root.hidden = false;
  }
}

/**
 * @param {string} name
 * @param {string} value
 */
function fact(name, value) {
  return make("div", "", make("dt", "", text(name)), make("dd", "", value));
}
