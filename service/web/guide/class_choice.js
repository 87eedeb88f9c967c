/**
 * The choice of one class: a button for each, or for the most probable and a search for the others.
 */

import { make } from "../element.js";
import { classSearch } from "./class_search.js";
import { ranked } from "./cross_entropy.js";

const MOST_BUTTONS = 10;

/**
 * @param {import("./step.js").Scene} scene
 * @param {{legend: string, picked: number | null, onPick: (index: number) => void}} options
 * @returns {HTMLElement}
 */
export function classChoice(scene, { legend, picked, onPick }) {
  const { facts, text } = scene;
  const isAll = facts.labels.length <= MOST_BUTTONS;
  const shown = isAll
    ? facts.labels.map((_, index) => index)
    : ranked(facts.probabilities.data).slice(0, MOST_BUTTONS);
  if (picked !== null && !shown.includes(picked)) shown.push(picked);
  const buttons = shown.map((index) => {
    const button = make("button", "", facts.labels[index]);
    button.type = "button";
    button.dataset.focus = `class-${index}`;
    button.setAttribute("aria-pressed", String(index === picked));
    button.addEventListener("click", () => onPick(index));
    return button;
  });
  const group = make("fieldset", "class-choice", make("legend", "", legend));
  group.append(make("div", "buttons", ...buttons));
  if (!isAll) group.append(classSearch(scene, { label: text("answer_search"), onPick }));
  return group;
}
