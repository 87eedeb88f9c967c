/**
 * What is done with a drawing: kept as a picture, or pointed to by a link.
 */

import { download } from "../download.js";
import { byId } from "../element.js";
import { pictureOf } from "./picture_of.js";
import { standaloneSvg } from "./svg.js";
import { text } from "./text.js";

/**
 * @typedef {object} About
 * @property {HTMLElement} root of the drawing
 * @property {() => {file: string, caption: string}} name without ending
 * @property {(words: string) => void} say
 * @property {(error: unknown) => void} fail
 */

const SMALLEST = 120; // CSS pixels; smaller ones are signs, not drawings

/**
 * Listens to the buttons under the drawing.
 * @param {About} about
 */
export function listenForTools({ root, name, say, fail }) {
  /** @param {Blob | null} content @param {string} ending */
  const save = (content, ending) => {
    if (!content) throw new Error("the browser gives no picture");
    const file = `${name().file}.${ending}`;
    download(content, file);
    say(text("saved", { file }));
  };
  byId("save-png", HTMLElement).addEventListener("click", async () => {
    try {
      const canvas = await pictureOf(root, name().caption);
      canvas.toBlob((content) => save(content, "png"));
    } catch (error) {
      fail(error);
    }
  });
  byId("save-svg", HTMLElement).addEventListener("click", () => {
    const [svg] = drawnSvgs(root);
    if (svg) save(new Blob([standaloneSvg(svg)], { type: "image/svg+xml" }), "svg");
  });
  byId("copy-link", HTMLElement).addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      say(text("link_copied"));
    } catch (error) {
      fail(error); // refused, as on pages without TLS
    }
  });
}

/**
 * Offers only what a drawing can be kept as.
 * @param {HTMLElement} root
 */
export function offerTools(root) {
  byId("save-svg", HTMLElement).hidden = drawnSvgs(root).length === 0;
}

/** @param {HTMLElement} root @returns {SVGSVGElement[]} the largest first */
function drawnSvgs(root) {
  const area = (/** @type {SVGSVGElement} */ svg) => svg.clientWidth * svg.clientHeight;
  return [...root.querySelectorAll("svg")].filter((svg) => svg.clientWidth >= SMALLEST).sort((one, two) => area(two) - area(one));
}
