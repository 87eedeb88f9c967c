/**
 * The classes from logit to probability, each a button that picks its class.
 */

import { make } from "../element.js";
import { ranked } from "./cross_entropy.js";
import { number, percent } from "./number.js";
import { shareBar, signedBar } from "./share_bar.js";

const MOST_ROWS = 10;

/**
 * @param {import("./step.js").Scene} scene
 * @param {{logits: ArrayLike<number>, probabilities: ArrayLike<number>, picked: number,
 *   versus: number | null, onPick: (index: number) => void}} options
 * @returns {HTMLElement}
 */
export function ledger({ facts, text }, { logits, probabilities, picked, versus, onPick }) {
  const shown = ranked(logits).slice(0, MOST_ROWS);
  for (const index of [picked, versus]) {
    if (index !== null && !shown.includes(index)) shown.push(index);
  }
  const tallest = Array.from(logits).reduce((most, logit) => Math.max(most, Math.abs(logit)), 0);
  const rows = shown.map((index) => {
    const [logit, share] = [logits[index], probabilities[index]];
    const button = make(
      "button",
      "ledger-row",
      make("span", "name", facts.labels[index]),
      cell("logit", number(logit), logit, signedBar(logit / (tallest || 1))),
      cell("power", number(Math.exp(logit)), Math.exp(logit)),
      cell("share", percent(share, 2), share, shareBar(share)),
    );
    button.type = "button";
    button.dataset.focus = `class-${index}`;
    button.dataset.index = String(index);
    button.setAttribute("aria-pressed", String(index === picked));
    if (index === versus) button.classList.add("versus");
    button.addEventListener("click", () => onPick(index));
    return make("li", "", button);
  });
  const heads = ["class", "logit", "power", "share"].map((name) => make("span", name, text(`step23_${name}`)));
  const head = make("p", "ledger-head", ...heads);
  head.setAttribute("aria-hidden", "true"); // each row says what its numbers are
  return make("div", "ledger", head, make("ol", "plain", ...rows));
}

/**
 * @param {string} className
 * @param {string} said
 * @param {number} value
 * @param {...HTMLElement} bars
 */
function cell(className, said, value, ...bars) {
  const data = make("data", "", said);
  data.value = String(value);
  return make("span", className, data, ...bars);
}
