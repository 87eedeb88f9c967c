/**
 * Keeps the place of the person while a drawing is made anew: focus, open details, scrolled parts.
 */

const FOCUSABLE = "a[href], button, input, select, summary, [tabindex]";

/**
 * Runs a task that empties and fills an element, and puts the person's place back: the focus goes to
 * the element of the same `data-focus`, else to the one at the same place.
 * @param {HTMLElement} root
 * @param {() => void} task
 */
export function keepingPlace(root, task) {
  const focused = document.activeElement;
  const isInside = focused instanceof HTMLElement && root.contains(focused);
  const name = isInside ? focused.dataset.focus : undefined;
  const index = isInside ? all(root, FOCUSABLE).indexOf(focused) : -1;
  const opened = all(root, "details").map((one) => /** @type {HTMLDetailsElement} */ (one).open);
  const scrolled = all(root, ".scroll").map(({ scrollLeft, scrollTop }) => ({ scrollLeft, scrollTop }));
  task();
  all(root, "details").forEach((one, place) => {
    if (opened[place]) /** @type {HTMLDetailsElement} */ (one).open = true;
  });
  all(root, ".scroll").forEach((one, place) => Object.assign(one, scrolled[place]));
  if (!isInside) return;
  const named = name && root.querySelector(`[data-focus="${CSS.escape(name)}"]`);
  const again = named || all(root, FOCUSABLE)[index];
  if (again instanceof HTMLElement && again.tagName === focused?.tagName) {
    again.focus({ preventScroll: true });
  }
}

/**
 * @param {HTMLElement} root
 * @param {string} selector
 */
function all(root, selector) {
  return [...root.querySelectorAll(selector)];
}
