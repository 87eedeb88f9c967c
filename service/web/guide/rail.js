/**
 * The list of all steps.
 */

import { byId, make } from "../element.js";
import { CHAPTERS } from "./steps.js";
import { text } from "./text.js";

const WIDE = matchMedia("(min-width: 72rem)"); // as in guide.css: where the list has a column

/** Keeps one step current. */
export class Rail {
  #root = byId("rail", HTMLElement);
  #fold = byId("steps-fold", HTMLDetailsElement);
  /** @type {Map<string, HTMLAnchorElement>} */
  #links = new Map();

  constructor() {
    const unfold = () => (this.#fold.open = WIDE.matches);
    WIDE.addEventListener("change", unfold);
    this.#root.addEventListener("click", unfold);
    unfold();
  }

  /** Writes the list in the language spoken. */
  write() {
    this.#links.clear();
    this.#root.replaceChildren(...CHAPTERS.map(({ name, ids }) => {
      const items = ids.map((id) => {
        const link = make("a", "", make("span", "id", id), " ", make("span", "", text(`step${id}_title`)));
        link.href = `#step=${id}`;
        this.#links.set(id, link);
        return make("li", "", link);
      });
      return make("li", "chapter", make("span", "name", text(`chapter_${name}`)), make("ol", "plain", ...items));
    }));
  }

  /** @param {string} id */
  show(id) {
    for (const [own, link] of this.#links) {
      if (own === id) link.setAttribute("aria-current", "step");
      else link.removeAttribute("aria-current");
    }
    const [link, box] = [this.#links.get(id), this.#fold.parentElement];
    if (!link || !box || !WIDE.matches) return;
    const [own, seen] = [link.getBoundingClientRect(), box.getBoundingClientRect()];
    if (own.top < seen.top || own.bottom > Math.min(seen.bottom, innerHeight)) {
      box.scrollTop += own.top - seen.top - seen.height / 2; // scrollIntoView would move the page too
    }
  }
}
