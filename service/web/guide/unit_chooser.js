/**
 * The choice of one hidden unit: a slider over all of them, and buttons for the strongest.
 */

import { make } from "../element.js";
import { number } from "./number.js";

const SHOWN = 6;

/** @typedef {import("./step.js").Scene} Scene */

/**
 * Draws the choice. `onMove` hears of every unit passed while the slider is dragged, `onChoose` of
 * the one that is meant.
 * @param {Scene} scene
 * @param {{activation: ArrayLike<number>, unit: number, onMove: (unit: number) => void,
 *   onChoose: (unit: number) => void}} options activation: of one token
 * @returns {HTMLElement}
 */
export function unitChooser(scene, { activation, unit, onMove, onChoose }) {
  const slider = make("input", "");
  const shown = make("output", "", String(unit));
  Object.assign(slider, { type: "range", min: "0", max: String(activation.length - 1), id: "hidden-unit" });
  slider.value = String(unit);
  slider.dataset.focus = "hidden unit";
  slider.addEventListener("input", () => {
    shown.textContent = slider.value;
    onMove(Number(slider.value));
  });
  slider.addEventListener("change", () => onChoose(Number(slider.value)));
  const label = make("label", "", scene.text("step19_unit"));
  label.htmlFor = slider.id;
  const strongest = make("ul", "plain units", ...strongestOf(activation).map((one) => {
    const said = scene.text("step19_unit_value", { unit: one, value: number(activation[one], 3) });
    const button = make("button", "unit", said);
    button.type = "button";
    button.dataset.focus = `unit ${one}`;
    button.setAttribute("aria-pressed", String(one === unit));
    button.addEventListener("click", () => onChoose(one));
    return make("li", "", button);
  }));
  const name = make("p", "muted", scene.text("step19_strongest"));
  name.id = "strongest-units";
  strongest.setAttribute("aria-labelledby", name.id);
  return make("div", "unit-chooser", make("div", "field slider", label, slider, shown), name, strongest);
}

/** @param {ArrayLike<number>} activation */
function strongestOf(activation) {
  const units = Array.from(activation, (_, unit) => unit);
  return units.sort((one, other) => activation[other] - activation[one]).slice(0, SHOWN);
}
