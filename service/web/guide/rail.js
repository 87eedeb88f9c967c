/**
 * The list of all steps.
 */

import { byId, make } from "../element.js";
import { CHAPTERS } from "./steps.js";
import { text } from "./text.js";

/** Keeps one step current. */
export class Rail {
  #root = byId("rail", HTMLElement);
  /** @type {Map<string, HTMLAnchorElement>} */
  #links = new Map();

  /** Writes the list in the language spoken. */
  write() {
    this.#links.clear();
    this.#root.replaceChildren(...CHAPTERS.map(({ name, ids }) => {
      const items = ids.map((id) => {
        const link = make("a", "", make("span", "id", id), make("span", "", text(`step${id}_title`)));
        link.href = `#step=${id}`;
        if (/b$/.test(id)) link.classList.add("sub");
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
    const link = this.#links.get(id);
    const box = this.#root;
    if (!link || box.scrollHeight <= box.clientHeight) return;
    const [at, height] = [link.offsetTop - box.offsetTop, link.offsetHeight];
    if (at < box.scrollTop || at + height > box.scrollTop + box.clientHeight) {
      box.scrollTop = at - box.clientHeight / 2;
    }
  }
}
