/**
 * A choice between few ways of looking, as buttons of which one is pressed.
 */

import { make } from "../element.js";

/**
 * Draws the buttons under a label.
 * @template Value
 * @param {string} label
 * @param {{value: Value, title: string}[]} choices
 * @param {Value} chosen
 * @param {(value: Value) => void} onChoose
 * @returns {HTMLElement}
 */
export function choiceOf(label, choices, chosen, onChoose) {
  const buttons = choices.map(({ value, title }) => {
    const button = make("button", "", title);
    button.type = "button";
    button.dataset.focus = title;
    button.setAttribute("aria-pressed", String(value === chosen));
    button.addEventListener("click", () => onChoose(value));
    return button;
  });
  const group = make("div", "switch", make("span", "muted", label), ...buttons);
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", label);
  return group;
}
