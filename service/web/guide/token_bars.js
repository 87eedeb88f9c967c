/**
 * One number for each token as a row of bars, which can be pointed at.
 */

import { make, makeDrawn } from "../element.js";
import { number } from "./number.js";
import { shortNames } from "./token_matrix.js";

/** @typedef {import("./step.js").Scene} Scene */
/**
 * @typedef {object} TokenBars
 * @property {ArrayLike<number>} values one for each token
 * @property {string} label
 * @property {number} token that is looked at
 * @property {number} mine the pinned patch's token
 * @property {(token: number) => void} onPick
 */

const HEIGHT = 100;
const MOVES = new Map([["ArrowLeft", -1], ["ArrowRight", 1], ["Home", -Infinity], ["End", Infinity]]);

/**
 * Draws the bars; arrow keys, touch and pointer read them out, a click or Enter picks one.
 * @param {Scene} scene
 * @param {TokenBars} bars
 * @returns {HTMLElement}
 */
export function tokenBars(scene, { values, label, token, mine, onPick }) {
  const [low, high] = [Math.min, Math.max].map((end) => end(0, ...Array.from(values)));
  const unit = HEIGHT / (high - low || 1);
  /** @param {number} at */
  const bar = (at) => {
    const top = (high - Math.max(values[at], 0)) * unit;
    return `M${at + 0.1} ${top}h.8v${Math.max(Math.abs(values[at]) * unit, 0.5)}h-.8z`;
  };
  const all = Array.from({ length: values.length }, (_, at) => bar(at)).join("");
  const pointed = makeDrawn("rect", { y: 0, width: 1, height: HEIGHT, class: "pointed" });
  const svg = makeDrawn(
    "svg",
    { viewBox: `0 0 ${values.length} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    pointed,
    makeDrawn("path", { d: all, class: "bars" }),
    makeDrawn("path", { d: bar(mine), class: "mine" }),
    makeDrawn("path", { d: `M0 ${high * unit}h${values.length}`, class: "zero" }),
  );
  const said = make("output", "muted");
  const strip = make("div", "token-bars", svg);
  let at = token;
  /** @param {number} next */
  const point = (next) => {
    at = Math.min(Math.max(next, 0), values.length - 1);
    pointed.setAttribute("x", String(at));
    const name = scene.facts.architecture.nameOfToken(at);
    said.textContent = `${name}: ${number(values[at])}`;
    strip.setAttribute("aria-valuenow", String(at));
    strip.setAttribute("aria-valuetext", said.textContent);
  };
  /** @param {PointerEvent | MouseEvent} event */
  const under = (event) => {
    const { left, width } = svg.getBoundingClientRect();
    return Math.floor(((event.clientX - left) / width) * values.length);
  };
  const roles = {
    role: "slider", tabindex: "0", "aria-label": label, "aria-valuemin": "0",
    "aria-valuemax": String(values.length - 1), "data-focus": label,
  };
  for (const [name, value] of Object.entries(roles)) strip.setAttribute(name, value);
  strip.addEventListener("pointermove", (event) => point(under(event)));
  strip.addEventListener("pointerleave", () => point(token));
  strip.addEventListener("click", (event) => onPick(Math.max(under(event), 0)));
  strip.addEventListener("keydown", (event) => {
    const move = MOVES.get(event.key);
    if (event.key !== "Enter" && move === undefined) return;
    event.preventDefault();
    if (move === undefined) onPick(at);
    else point(at + move);
  });
  point(token);
  const ends = [0, values.length - 1].map((end) => make("span", "", shortNames(scene)(end)));
  const caption = make("figcaption", "", make("b", "", label), said);
  return make("figure", "bars-of-tokens", caption, strip, make("div", "ends", ends[0], make("span", ""), ends[1]));
}
