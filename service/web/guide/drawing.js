/**
 * A drawing that is made anew for the width that it gets, so that its letters stay readable.
 */

import { make, makeDrawn } from "../element.js";

const USUAL = 360; // CSS pixels, where the width is not known yet

/**
 * Keeps `draw`n content in an SVG as wide as there is room.
 * @param {import("./step.js").Scene} scene
 * @param {{label: string, className: string, height: number}} options
 * @param {(width: number) => SVGElement[]} draw
 * @returns {HTMLElement}
 */
export function drawing(scene, { label, className, height }, draw) {
  const svg = makeDrawn("svg", { role: "img", "aria-label": label, class: className, height, width: "100%" });
  const frame = make("div", "drawing-frame", svg);
  let drawn = 0;
  const fit = () => {
    const width = Math.round(frame.clientWidth || drawn || USUAL);
    if (width === drawn) return;
    drawn = width;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.replaceChildren(...draw(width));
  };
  const observer = new ResizeObserver(fit);
  observer.observe(frame);
  scene.signal.addEventListener("abort", () => observer.disconnect());
  return frame;
}
