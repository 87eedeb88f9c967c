/**
 * Threads from a pixel in each channel to its place in the vector.
 */

import { makeDrawn } from "../element.js";
import { CHANNELS } from "./flat_patch.js";

/**
 * Lies over the element that it is put in, and is drawn anew when that changes its size.
 * @param {import("./step.js").Scene} scene
 * @param {{plane: HTMLElement, segment: HTMLElement}[]} parts one for each channel
 * @param {number} size side of the patch, in pixels
 * @returns {{root: SVGElement, show: (index: number) => void}}
 */
export function threads({ signal }, parts, size) {
  const root = makeDrawn("svg", { class: "threads", "aria-hidden": "true" });
  const area = size * size;
  let shown = 0;
  const draw = () => {
    const frame = root.getBoundingClientRect();
    const within = shown % area;
    const paths = parts.flatMap(({ plane, segment }, channel) => {
      const [from, to] = [plane.getBoundingClientRect(), segment.getBoundingClientRect()];
      const x = from.left - frame.left + (((within % size) + 0.5) / size) * from.width;
      const y = from.top - frame.top + ((Math.floor(within / size) + 0.5) / size) * from.height;
      const [endX, endY] = [to.left - frame.left + ((within + 0.5) / area) * to.width, to.top - frame.top];
      const isHeld = Math.floor(shown / area) === channel;
      const d = `M${x} ${y}C${x} ${(y + endY) / 2},${endX} ${(y + endY) / 2},${endX} ${endY}`;
      return ["halo", `${CHANNELS[channel]}${isHeld ? " held" : ""}`].map((name) => makeDrawn("path", { d, class: name }));
    });
    root.replaceChildren(...paths);
  };
  const watch = new ResizeObserver(draw);
  watch.observe(root);
  signal.addEventListener("abort", () => watch.disconnect());
  return {
    root,
    show: (index) => {
      shown = index;
      if (root.isConnected) draw();
    },
  };
}
