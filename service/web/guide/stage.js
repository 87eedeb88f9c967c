/**
 * The step in front of the person: its words, its shapes, its drawing and its check.
 */

import { byId, make } from "../element.js";
import { CheckPanel } from "./check.js";
import { keepingPlace } from "./keep.js";
import { canMove } from "./motion.js";
import { shapeText } from "./number.js";
import { IDS, chapterOf } from "./steps.js";
import { text } from "./text.js";

/** @typedef {import("./step.js").Scene} Scene */
/** @typedef {import("./step.js").Step} Step */

const AWAY = 20; // CSS pixels
const ENTERING = 200; // milliseconds
const PAUSE = 60;

/** Keeps all parts of the stage on one step. */
export class Stage {
  #step = byId("step", HTMLElement);
  #drawing = byId("drawing", HTMLElement);
  #shapes = byId("shapes", HTMLElement);
  #check = new CheckPanel();
  #shown = "";
  #isNew = true;

  /** The element that holds the drawing. */
  get root() {
    return this.#drawing;
  }

  /**
   * Shows a step's words. A drawing of another step goes.
   * @param {string} id
   */
  turn(id) {
    byId("step-eyebrow", HTMLElement).textContent = text("eyebrow", { step: id, chapter: text(`chapter_${chapterOf(id)}`) });
    byId("step-title", HTMLElement).textContent = text(`step${id}_title`);
    byId("steps-now", HTMLElement).textContent = text("steps_now", { step: id, title: text(`step${id}_title`) });
    byId("step-text", HTMLElement).textContent = text(`step${id}_text`);
    if (id === this.#shown) return;
    this.#enter(IDS.indexOf(id) > IDS.indexOf(this.#shown) ? 1 : -1);
    [this.#shown, this.#isNew] = [id, true];
    this.#drawing.style.minHeight = `${this.#drawing.offsetHeight}px`; // nothing jumps while values come
    this.#drawing.replaceChildren();
    this.#shapes.replaceChildren();
    this.#check.hide();
    this.await();
  }

  /**
   * Lets the parts slide in, the words first.
   * @param {1 | -1} direction 1 from the right, as the next page
   */
  #enter(direction) {
    if (!canMove() || this.#shown === "") return;
    const from = { opacity: 0, transform: `translateX(${direction * AWAY}px)` };
    [...this.#step.children].forEach((part, index) => {
      const options = { duration: ENTERING, delay: Math.min(index, 1) * PAUSE, easing: "ease-out" };
      part.animate([from, {}], { ...options, fill: /** @type {const} */ ("backwards") });
    });
  }

  /** Says that values are waited for; until they come, what was drawn stays. */
  await() {
    delete this.#step.dataset.drawn;
  }

  /** @param {boolean} isBusy whether the wait is worth showing */
  set busy(isBusy) {
    this.#drawing.setAttribute("aria-busy", String(isBusy));
  }

  /** Says that the values did not come; what is drawn of the step stays. */
  miss() {
    if (this.#drawing.childElementCount === 0) this.#drawing.append(make("p", "muted", text("not_here")));
  }

  /**
   * Draws a scene.
   * @param {Step} step
   * @param {Omit<Scene, "isNew">} about
   */
  async draw(step, about) {
    const scene = { ...about, isNew: this.#isNew };
    this.#isNew = false;
    const words = step.wording?.(scene.facts);
    if (words?.title) byId("step-title", HTMLElement).textContent = text(words.title);
    if (words) byId("step-text", HTMLElement).textContent = text(words.text);
    keepingPlace(this.#drawing, () => {
      this.#drawing.replaceChildren();
      step.draw(scene);
    });
    this.#drawing.style.minHeight = "";
    this.#shapes.replaceChildren(...step.shapes(scene).map(({ name, what, shape }) => {
      return make("li", "shape", ...(name ? [make("b", "", name)] : []), make("span", "what", text(what)), make("span", "size", shapeText(shape)));
    }));
    const check = await step.check(scene);
    if (scene.signal.aborted) return;
    this.#step.dataset.drawn = step.id;
    if (check) this.#check.show(check, Object.values(scene.tensors).some(({ dtype }) => dtype === "F16"));
    else this.#check.hide();
  }
}
