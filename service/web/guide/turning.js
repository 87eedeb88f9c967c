/**
 * How a person turns the steps: by keys and buttons.
 */

import { byId } from "../element.js";
import { IDS } from "./steps.js";

const EVERYTHING = Infinity;
const TAKES_ARROWS = "input, select, textarea, video, dialog, [tabindex='0'], [contenteditable]";
const TAKES_SPACE = `button, a, summary, ${TAKES_ARROWS}`;

/**
 * Listens to the buttons; and to Space, Shift+Space, the arrows to the sides, Home and End where
 * what has the focus does not take them itself.
 * @param {(distance: number) => void} turn
 */
export function listenForTurns(turn) {
  byId("previous", HTMLElement).addEventListener("click", () => turn(-1));
  byId("next", HTMLElement).addEventListener("click", () => turn(1));
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
    const takes = event.key === " " ? TAKES_SPACE : TAKES_ARROWS;
    if (event.target instanceof Element && event.target.closest(takes)) return;
    const distance = distanceOf(event);
    if (distance === 0) return;
    event.preventDefault();
    turn(distance);
  });
}

/**
 * Offers only the ways that there are from a step.
 * @param {string} id
 */
export function offerTurns(id) {
  byId("previous", HTMLButtonElement).disabled = id === IDS[0];
  byId("next", HTMLButtonElement).disabled = id === IDS[IDS.length - 1];
}

/** @param {KeyboardEvent} event */
function distanceOf({ key, shiftKey }) {
  if (key === " ") return shiftKey ? -1 : 1;
  return { ArrowRight: 1, ArrowLeft: -1, Home: -EVERYTHING, End: EVERYTHING }[key] ?? 0;
}
