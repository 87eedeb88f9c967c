/**
 * What is the visitor's: the picture, and the pinned patch with its pixels.
 */

import { byId, make } from "../element.js";
import { drawnPixels } from "./facts.js";
import { patchGrid } from "./patches.js";
import { text } from "./text.js";

/** Keeps picture and patch in sight. */
export class Mine {
  #go;
  #controller = new AbortController();
  /** @param {(change: Partial<import("./view.js").View>) => void} go */
  constructor(go) {
    this.#go = go;
  }

  /**
   * @param {import("./facts.js").Facts} facts
   * @param {import("./view.js").View} view
   */
  show(facts, view) {
    this.#controller.abort();
    this.#controller = new AbortController();
    byId("mine-name", HTMLElement).textContent = facts.name;
    const scene = /** @type {any} */ ({ facts, view, text, go: this.#go, signal: this.#controller.signal });
    byId("mine-picture", HTMLElement).replaceChildren(patchGrid(scene, { label: text("your_picture"), plain: true, maxSide: 176 }));
    const pixels = patchPixels(facts, view.patch);
    const name = make("p", "", make("b", "", text("your_patch")), " ", facts.architecture.nameOfPatch(view.patch));
    byId("mine-patch", HTMLElement).replaceChildren(pixels, name);
    byId("to-hand-patch", HTMLElement).replaceChildren(patchPixels(facts, view.patch));
    byId("to-hand-name", HTMLElement).textContent = text("mark_mine", { patch: view.patch });
  }
}

/**
 * Draws a patch's own pixels.
 * @param {import("./facts.js").Facts} facts
 * @param {number} patch
 * @returns {HTMLCanvasElement}
 */
export function patchPixels({ pixels, architecture }, patch) {
  const { patchSize } = architecture;
  const { row, column } = architecture.placeOf(patch);
  const canvas = make("canvas", "patch-pixels");
  canvas.width = canvas.height = patchSize;
  canvas.getContext("2d")?.drawImage(drawnPixels(pixels), -column * patchSize, -row * patchSize);
  canvas.setAttribute("aria-hidden", "true");
  return canvas;
}
