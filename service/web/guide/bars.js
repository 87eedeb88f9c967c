/**
 * The classes' probabilities as bars, each a button.
 */

import { make } from "../element.js";
import { percent } from "./number.js";

/**
 * @typedef {object} BarsOptions
 * @property {ArrayLike<number>} probabilities
 * @property {string[]} labels
 * @property {number | null} [picked] class
 * @property {(label: number) => void} [onPick]
 * @property {number} [shown] how many, the most probable first
 * @property {string} [label] of the list
 */

const SHOWN = 10;

/**
 * Draws the most probable classes, best first; the picked one is always among them.
 * @param {import("./step.js").Scene} scene
 * @param {BarsOptions} options
 * @returns {HTMLElement}
 */
export function probabilityBars(scene, { probabilities, labels, picked = null, onPick, shown = SHOWN, label }) {
  const order = labels.map((_, index) => index).sort((one, two) => probabilities[two] - probabilities[one]);
  const best = order.slice(0, shown);
  if (picked !== null && !best.includes(picked)) best.splice(-1, 1, picked);
  const list = make("ol", "plain class-bars", ...best.map((index) => {
    const probability = probabilities[index];
    const fill = make("i", "fill");
    fill.style.width = `${probability * 100}%`;
    const parts = [make("span", "name", labels[index]), make("span", "share", percent(probability)), make("span", "track", fill)];
    if (!onPick) return make("li", "class-bar", ...parts);
    const button = make("button", "class-bar", ...parts);
    button.type = "button";
    button.dataset.focus = `class ${index}`;
    button.setAttribute("aria-pressed", String(picked === index));
    button.addEventListener("click", () => onPick(index));
    return make("li", "", button);
  }));
  list.setAttribute("aria-label", label ?? scene.text("classes"));
  return list;
}
