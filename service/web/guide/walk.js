/**
 * A walk through the layers by itself, which anyone can pause; none for those who want less motion.
 */

import { make } from "../element.js";

/** @typedef {import("./step.js").Scene} Scene */

const PAUSE = 1600; // milliseconds on each layer
const STILL = matchMedia("(prefers-reduced-motion: reduce)");

/** The layer that the walk goes to or is at; null while nobody walks. @type {number | null} */
let walking = null;

/**
 * Draws the button that starts and pauses the walk, and walks on. Whatever else the person does
 * pauses it too: the drawing is then left from the layer where the walk is.
 * @param {Scene} scene
 * @returns {HTMLElement | string} empty where there is no walk
 */
export function walk({ view, facts, go, text, signal }) {
  const last = facts.architecture.depth - 1;
  if (STILL.matches || last === 0) return "";
  if (view.layer === last || walking !== view.layer) walking = null;
  const button = make("button", "walk");
  button.type = "button";
  button.dataset.focus = "walk";
  const say = () => button.replaceChildren(text(walking === null ? "step21_play" : "step21_pause"));
  const step = () => {
    walking = view.layer === last ? 0 : view.layer + 1;
    go({ layer: walking });
  };
  const timer = walking === null ? 0 : setTimeout(step, PAUSE);
  button.addEventListener("click", () => {
    if (walking === null) return step();
    clearTimeout(timer);
    walking = null;
    say();
  });
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    if (walking === view.layer) walking = null;
  });
  say();
  return button;
}
