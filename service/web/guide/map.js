/**
 * Where a step is in the model: its parts from the picture to the loss, each a link.
 */

import { byId, makeDrawn } from "../element.js";
import { text } from "./text.js";

/** The parts from top to bottom; those of the block stand inside a frame. */
const PARTS = [
  { name: "picture", ids: ["0", "1", "2"] },
  { name: "embed", ids: ["3", "4", "5"] },
  { name: "position", ids: ["6", "7", "8"] },
  { name: "norm1", ids: ["8b"], isInBlock: true },
  { name: "qkv", ids: ["9"], isInBlock: true },
  { name: "scores", ids: ["10", "11"], isInBlock: true },
  { name: "context", ids: ["12", "13", "14"], isInBlock: true },
  { name: "join", ids: ["15", "16"], isInBlock: true },
  { name: "add1", ids: ["17", "18"], isInBlock: true },
  { name: "norm2", ids: ["19b"], isInBlock: true },
  { name: "mlp", ids: ["19"], isInBlock: true },
  { name: "add2", ids: ["20"], isInBlock: true },
  { name: "repeat", ids: ["21"] },
  { name: "norm", ids: ["22b"] },
  { name: "readout", ids: ["22"] },
  { name: "head", ids: ["23"] },
  { name: "loss", ids: ["24"] },
];

const WIDTH = 236; // units, about CSS pixels
const HEIGHT = 20;
const GAP = 7;
const LEFT = 18; // where the residual connections pass
const FRAME = 6;

/** Keeps the part of the model lit that a step is about. */
export class ModelMap {
  /** @type {Map<string, SVGAElement>} */
  #links = new Map();

  /** Writes the map in the language spoken. */
  write() {
    const tops = topsOf();
    const height = tops[tops.length - 1] + HEIGHT + 1;
    const links = PARTS.map((part, index) => this.#link(part, tops[index]));
    const [first, last] = [indexOf("norm1"), indexOf("add2")];
    const frame = { x: 0.5, y: tops[first] - FRAME - 1, width: WIDTH - 1, height: tops[last] - tops[first] + HEIGHT + 2 * FRAME + 2, rx: 8, class: "frame" };
    byId("map", HTMLElement).replaceChildren(
      makeDrawn("svg", { viewBox: `0 0 ${WIDTH} ${height}`, width: "100%", class: "model-map" },
        makeDrawn("rect", frame),
        ...tops.slice(1).map((top, index) => makeDrawn("path", { d: `M${middle()} ${tops[index] + HEIGHT}V${top}`, class: "wire" })),
        residual(tops[first] - FRAME - 1, tops[indexOf("add1")]),
        residual(tops[indexOf("add1")] + HEIGHT + 2, tops[last]),
        ...links,
      ),
    );
  }

  /** @param {string} id of the step shown */
  show(id) {
    for (const [ids, link] of this.#links) {
      if (ids.split(",").includes(id)) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }

  /**
   * @param {typeof PARTS[number]} part
   * @param {number} top
   */
  #link({ name, ids, isInBlock }, top) {
    const left = isInBlock ? LEFT : 0;
    const right = WIDTH - (isInBlock ? LEFT / 2 : 0);
    const steps = ids.length > 1 ? `${ids[0]}\u2013${ids[ids.length - 1]}` : ids[0];
    const link = makeDrawn("a", { href: `#step=${ids[0]}` },
      makeDrawn("rect", { x: left, y: top, width: right - left, height: HEIGHT, rx: 5 }),
      makeDrawn("text", { x: left + 8, y: top + 14 }, text(`map_${name}`)),
      makeDrawn("text", { x: right - 8, y: top + 14, "text-anchor": "end", class: "ids" }, ` ${steps}`),
    );
    this.#links.set(ids.join(), link);
    return link;
  }
}

function topsOf() {
  let top = 1;
  return PARTS.map(({ isInBlock }, index) => {
    const isEdge = index > 0 && Boolean(isInBlock) !== Boolean(PARTS[index - 1].isInBlock);
    top += index === 0 ? 0 : HEIGHT + GAP + (isEdge ? FRAME : 0);
    return top;
  });
}

/** @param {string} name */
function indexOf(name) {
  return PARTS.findIndex((part) => part.name === name);
}

function middle() {
  return WIDTH / 2;
}

/**
 * Draws the connection that passes a branch by.
 * @param {number} from
 * @param {number} to
 */
function residual(from, to) {
  const x = LEFT / 2;
  const d = `M${middle()} ${from + 3}H${x + 4}Q${x} ${from + 3} ${x} ${from + 7}V${to + HEIGHT / 2 - 4}Q${x} ${to + HEIGHT / 2} ${x + 4} ${to + HEIGHT / 2}H${LEFT - 1}`;
  return makeDrawn("path", { d, class: "wire" });
}
