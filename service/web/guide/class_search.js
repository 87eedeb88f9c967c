/**
 * A search among many classes: type a part of the name, choose one of those found.
 */

import { make } from "../element.js";

const MOST_FOUND = 8;

/**
 * @param {import("./step.js").Scene} scene
 * @param {{label: string, onPick: (index: number) => void}} options
 * @returns {HTMLElement}
 */
export function classSearch({ facts, text }, { label, onPick }) {
  const field = make("input", "");
  Object.assign(field, { type: "search", autocomplete: "off" });
  const said = make("p", "muted");
  said.setAttribute("role", "status");
  const list = make("ul", "plain found");
  field.addEventListener("input", () => {
    const sought = field.value.trim().toLowerCase();
    const found = sought === "" ? [] : indexesOf(facts.labels, sought);
    list.replaceChildren(...found.slice(0, MOST_FOUND).map((index) => item(facts.labels[index], index, onPick)));
    said.textContent = sought && text("answer_found", { count: found.length, all: facts.labels.length });
  });
  return make("div", "class-search", make("label", "field", label, field), said, list);
}

/**
 * @param {string[]} labels
 * @param {string} sought
 * @returns {number[]} those that begin with what is sought first
 */
function indexesOf(labels, sought) {
  const found = labels.flatMap((label, index) => (label.toLowerCase().includes(sought) ? [index] : []));
  const begins = (/** @type {number} */ index) => labels[index].toLowerCase().startsWith(sought);
  return [...found.filter(begins), ...found.filter((index) => !begins(index))];
}

/**
 * @param {string} label
 * @param {number} index
 * @param {(index: number) => void} onPick
 */
function item(label, index, onPick) {
  const button = make("button", "", label);
  button.type = "button";
  button.dataset.focus = `class-${index}`; // the class itself has it in the new drawing
  button.addEventListener("click", () => onPick(index));
  return make("li", "", button);
}
