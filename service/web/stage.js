/**
 * The map on the page: the picture under it, its colours and what is said about it.
 */

import { completenessOf, methodOf, notesOf, readoutOf, titleOf } from "./caption.js";
import { ColorBar } from "./colorbar.js";
import { byId, fillSelect, make } from "./element.js";
import { Heatmap } from "./heatmap.js";
import { percent, text } from "./strings.js";

/**
 * @typedef {import("./question.js").Answer} Answer
 * @typedef {import("./heatmap.js").Drawing} Drawing
 * @typedef {import("./heatmap.js").Patch} Patch
 */

/** Keeps the picture, its colour bar and its words true to one answer and one way of drawing. */
export class Stage {
  #overlay = byId("overlay", HTMLSelectElement);
  #strength = byId("strength", HTMLInputElement);
  #colorBar = new ColorBar(byId("colorbar", HTMLElement));
  #heatmap;
  /** @type {Answer["explanation"]} */
  #explanation = null;

  constructor() {
    const overlays = /** @type {const} */ (["alpha", "blend"]);
    const options = overlays.map((value) => ({ value, title: text(`overlay_${value}`) }));
    fillSelect(this.#overlay, options, "alpha");
    this.#overlay.addEventListener("change", () => this.#redraw());
    this.#strength.addEventListener("input", () => this.#redraw());
    const canvas = byId("heatmap", HTMLCanvasElement);
    this.#heatmap = new Heatmap(canvas, this.drawing, (patch) => this.#read(patch));
    this.#redraw();
  }

  /** How the map is drawn, in the words of the API. */
  get drawing() {
    const overlay = /** @type {Drawing["overlay"]} */ (this.#overlay.value);
    return { overlay, alpha: this.#strength.valueAsNumber / 100 };
  }

  /** @param {Answer} answer */
  show(answer) {
    const { picture, classification, explanation } = answer;
    const { width, height, format } = classification.image;
    this.#explanation = explanation;
    const map = explanation && {
      scores: explanation.scores,
      scale: explanation.scale,
      box: explanation.grid.crop_box,
    };
    this.#heatmap.show({ pixels: picture.pixels, width, height, map });
    write("map-title", titleOf(answer));
    write("map-method", explanation ? methodOf(explanation) : "");
    write("completeness", explanation ? completenessOf(explanation) : "");
    const notes = explanation ? notesOf(explanation) : [];
    if (!picture.pixels) notes.push(text("not_drawn", { format }));
    byId("notes", HTMLElement).replaceChildren(...notes.map((note) => make("li", "", note)));
    if (explanation) this.#colorBar.show(explanation.scale, this.drawing.overlay);
  }

  #redraw() {
    const { drawing } = this;
    byId("strength-value", HTMLOutputElement).value = percent(drawing.alpha, 0);
    this.#heatmap.redraw(drawing);
    if (this.#explanation) this.#colorBar.show(this.#explanation.scale, drawing.overlay);
  }

  /** @param {Patch | null} patch */
  #read(patch) {
    const explanation = this.#explanation;
    const read = patch && explanation;
    this.#colorBar.mark(read ? explanation.scores[patch.row][patch.column] : null);
    const said = read ? readoutOf(patch, explanation) : text("readout_hint");
    byId("readout", HTMLOutputElement).value = said;
  }
}

/**
 * @param {string} id
 * @param {string} said
 */
function write(id, said) {
  byId(id, HTMLElement).textContent = said;
}
