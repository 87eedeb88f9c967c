/**
 * The keys that turn the steps.
 */

const EVERYTHING = Infinity;
const TAKES_KEYS = "button, a, input, select, textarea, summary, video, dialog, [tabindex='0'], [contenteditable]";

/**
 * Listens to Space, Shift+Space, the arrows to the sides, Home and End while nothing else takes them.
 * @param {(distance: number) => void} turn
 */
export function listenForKeys(turn) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.target instanceof Element && event.target.closest(TAKES_KEYS)) return;
    const distance = distanceOf(event);
    if (distance === 0) return;
    event.preventDefault();
    turn(distance);
  });
}

/** @param {KeyboardEvent} event */
function distanceOf({ key, shiftKey }) {
  if (key === " ") return shiftKey ? -1 : 1;
  return { ArrowRight: 1, ArrowLeft: -1, Home: -EVERYTHING, End: EVERYTHING }[key] ?? 0;
}
