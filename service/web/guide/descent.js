/**
 * What one step against the gradient does to the logits, and so to the loss.
 */

import { make } from "../element.js";
import { gradientOf, lossOf, softmax, stepped } from "./cross_entropy.js";
import { number, percent } from "./number.js";

const LONGEST = 5;

/**
 * @param {import("./step.js").Scene} scene
 * @param {{logits: ArrayLike<number>, label: number}} options
 * @returns {HTMLElement}
 */
export function descent({ facts, text }, { logits, label }) {
  const gradient = gradientOf(logits, label);
  const others = Array.from(gradient, (_, index) => index).filter((index) => index !== label);
  const rival = others.reduce((best, index) => (gradient[index] > gradient[best] ? index : best));
  const size = make("input", "");
  Object.assign(size, { type: "range", min: "0", max: String(LONGEST), step: "0.1", value: "1" });
  size.id = "step-size";
  size.autocomplete = "off";
  const name = make("label", "", text("step24_size"));
  name.htmlFor = size.id;
  const shown = make("output", "");
  const said = make("p", "");
  said.setAttribute("role", "status");
  const say = () => {
    const rate = size.valueAsNumber;
    const after = stepped(logits, label, rate);
    shown.value = number(rate);
    size.setAttribute("aria-valuetext", number(rate));
    said.textContent = text("step24_stepped", {
      label: facts.labels[label],
      rise: number(-rate * gradient[label]),
      rival: facts.labels[rival],
      fall: number(rate * gradient[rival]),
      before: percent(softmax(logits)[label], 2),
      after: percent(softmax(after)[label], 2),
      loss: number(lossOf(logits, label)),
      less: number(lossOf(after, label)),
    });
  };
  size.addEventListener("input", say);
  say();
  const weights = make("p", "muted", text("step24_weights"));
  return make("div", "descent", make("div", "field slider", name, shown, size), said, weights);
}
