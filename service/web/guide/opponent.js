/**
 * The choice of the class that a class is held against.
 */

import { make } from "../element.js";
import { ranked } from "./cross_entropy.js";
import { percent } from "./number.js";

const MOST_LIKELY = 10;

/**
 * @param {import("./step.js").Scene} scene
 * @param {import("./explained.js").Asked} asked
 * @param {(versus: number | null) => void} onPick
 * @returns {HTMLElement}
 */
export function opponentChoice({ facts, text }, { target, versus }, onPick) {
  const { labels, probabilities } = facts;
  const option = (/** @type {number} */ index) => {
    const said = { label: labels[index], share: percent(probabilities.data[index]) };
    return new Option(text("step23_likely", said), String(index));
  };
  const order = ranked(probabilities.data).filter((index) => index !== target);
  const select = make("select", "", new Option(text("step23_no_opponent"), ""));
  const rest = order.slice(MOST_LIKELY).sort((one, other) => one - other);
  const likely = order.slice(0, MOST_LIKELY);
  select.append(...likely.map(option));
  if (rest.length > 0) {
    const others = make("optgroup", "", ...(versus === null || likely.includes(versus) ? [] : [option(versus)]));
    others.label = text("step23_others");
    select.append(others);
    const fill = () => {
      others.replaceChildren(...rest.map(option));
      if (versus !== null) select.value = String(versus);
    };
    // a thousand options cost a frame or two, so they come only when the list is gone to
    for (const event of ["focus", "pointerdown"]) select.addEventListener(event, fill, { once: true });
  }
  select.value = versus === null ? "" : String(versus);
  select.id = "opponent";
  select.dataset.focus = "opponent";
  select.addEventListener("change", () => onPick(select.value === "" ? null : Number(select.value)));
  const name = make("label", "", text("step23_versus"));
  name.htmlFor = select.id;
  return make("div", "field opponent", name, select);
}
