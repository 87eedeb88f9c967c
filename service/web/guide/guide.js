/**
 * The guide: follows one picture through the model, step by step.
 */

import { listenForPictures, readSample } from "../chooser.js";
import { byId } from "../element.js";
import { showIdentity } from "../identity.js";
import { Latest } from "../latest.js";
import { Notice } from "../notice.js";
import { Address } from "./address.js";
import { listenForCamera } from "./camera.js";
import { Controls } from "./controls.js";
import { factsOf } from "./facts.js";
import { listenForLeaps } from "./leaps.js";
import { ModelMap } from "./map.js";
import { Mine } from "./mine.js";
import { Models } from "./models.js";
import { Rail } from "./rail.js";
import { listenForSettings } from "./settings.js";
import { Stage } from "./stage.js";
import { loadStep, stepAway, stepOf } from "./steps.js";
import { SUBJECTS, subjectNamed } from "./subjects.js";
import { text } from "./text.js";
import { listenForTools, offerTools } from "./tools.js";
import { Trace } from "./trace.js";
import { listenForTurns, offerTurns } from "./turning.js";
import { FIRST_VIEW, hashOf, withinModel } from "./view.js";

/** @typedef {import("../picture.js").Picture} Picture */
/** @typedef {import("./view.js").View} View */

const PATIENCE = 150; // milliseconds before a wait is shown, or the next step's values are asked

/** Keeps all parts of the page on one view of one picture. */
class Guide {
  #notice = new Notice();
  #stage = new Stage();
  #rail = new Rail();
  #map = new ModelMap();
  #mine = new Mine((change) => this.go(change));
  #controls = new Controls((change) => this.go(change));
  #address = new Address((said) => this.#follow(said));
  #models = new Models((model) => this.#askAnother(model));
  #following = new Latest();
  #drawing = new AbortController();
  /** @type {View} */
  #view = { ...FIRST_VIEW };
  /** @type {{trace: Trace, facts: import("./facts.js").Facts} | null} */
  #followed = null;

  /** Opens the page at the address's view. */
  async open() {
    this.#view = { ...FIRST_VIEW, ...this.#address.said };
    await listenForSettings({ rewrite: () => this.#write(), redraw: () => this.#draw() });
    this.#listen();
    this.#takeSample(this.#view.sample);
  }

  /**
   * Changes the view; a cell goes with the step, or patch, that it is of.
   * @param {Partial<View>} change
   */
  go(change) {
    if (change.sample && change.sample !== this.#view.sample) this.#takeSample(change.sample);
    const { sample } = this.#view;
    const isTurned = change.step !== undefined && change.step !== this.#view.step;
    const isMoved = isTurned || (change.patch !== undefined && !stepOf(this.#view.step)?.keepsCell);
    const view = { ...this.#view, ...(isMoved && { cell: null }), ...change, sample };
    if (hashOf(view) === hashOf(this.#view)) return;
    this.#show(view);
    if (isTurned) this.#address.push(this.#view);
    else this.#address.replace(this.#view);
  }

  /** @param {Partial<View>} said by an address that was gone to */
  #follow(said) {
    const { sample } = this.#view;
    const isTurned = said.step !== undefined && said.step !== this.#view.step;
    this.#show({ ...this.#view, ...(isTurned && { cell: null }), ...said, sample });
    if (said.sample && said.sample !== sample) this.#takeSample(said.sample);
    else this.#address.replace(this.#view);
  }

  /** @param {View} view */
  #show(view) {
    const { step } = this.#view;
    this.#view = this.#followed ? withinModel(view, this.#followed.facts) : view;
    if (view.step !== step) this.#turn();
    this.#draw();
  }

  /** Writes everything in the language spoken. */
  #write() {
    this.#rail.write();
    this.#map.write();
    if (this.#followed) showIdentity(this.#followed.facts.model);
    this.#turn();
    this.#draw();
  }

  /** Turns to the view's step, of which nothing is drawn yet. */
  #turn() {
    const { step } = this.#view;
    this.#stage.turn(step);
    this.#rail.show(step);
    this.#map.show(step);
    const title = text(`step${step}_title`);
    offerTurns(step);
    document.title = text("page_title_step", { step, title });
    say(text("step_said", { step, title }));
    const { top } = byId("stage", HTMLElement).getBoundingClientRect();
    if (top < 0) window.scrollBy({ top, behavior: "instant" });
  }

  /** Draws the view as soon as its values are there; until then what was drawn stays. */
  async #draw() {
    if (!this.#followed) return;
    const [{ facts, trace }, view] = [this.#followed, this.#view];
    this.#drawing.abort();
    const { signal } = (this.#drawing = new AbortController());
    this.#mine.show(facts, view);
    this.#stage.await();
    const timer = setTimeout(() => (this.#stage.busy = true), PATIENCE);
    try {
      const step = stepOf(view.step) ?? (await loadStep(view.step));
      if (signal.aborted) return;
      this.#controls.show(step, view, facts.architecture);
      const needs = step.needs(view, facts);
      const tensors = trace.kept(needs, view) ?? (await trace.fetch(needs, view, signal));
      if (signal.aborted) return;
      await this.#stage.draw(step, {
        root: this.#stage.root, view, facts, tensors, text, signal,
        go: (change) => this.go(change),
        fetch: (more) => trace.fetch(more, view, signal),
      });
      if (signal.aborted) return;
      this.#notice.hide();
      offerTools(this.#stage.root);
      setTimeout(() => signal.aborted || this.#askAhead(), PATIENCE);
    } catch (error) {
      if (signal.aborted) return;
      this.#stage.miss();
      this.#fail(error, () => this.#draw());
    } finally {
      clearTimeout(timer);
      if (!signal.aborted) this.#stage.busy = false;
    }
  }

  /** Asks for what the next step will need. */
  #askAhead() {
    if (!this.#followed) return;
    const { facts, trace } = this.#followed;
    const view = { ...this.#view, step: stepAway(this.#view.step, 1), cell: null };
    loadStep(view.step)
      .then((step) => trace.fetch(step.needs(view, facts), view))
      .catch(() => {}); // it is asked again when it is wanted
  }

  /** @param {string | null} name */
  #takeSample(name) {
    const sample = subjectNamed(name);
    this.#take(readSample(sample), sample.name);
  }

  /** @param {import("../api.js").Model} model */
  #askAnother(model) {
    if (!this.#followed) return;
    const { picture: bytes, name, image, isImageShown, sample } = this.#followed.facts;
    const pixels = /** @type {ImageBitmap | null} */ (isImageShown ? image : null);
    this.#take(Promise.resolve({ bytes, name, pixels }), sample, model);
  }

  /**
   * Follows another picture; the one before stays until the new one's values are there.
   * @param {Promise<Picture>} picture
   * @param {string | null} sample
   * @param {import("../api.js").Model | null} [model]
   */
  #take(picture, sample, model = null) {
    this.#busy = true;
    this.#following.run(async (signal) => {
      const [chosen, current] = await Promise.all([picture, this.#models.current(signal)]);
      const asked = model ?? current;
      const trace = new Trace(chosen.bytes, asked);
      return { trace, asked, facts: await factsOf(chosen, asked, trace, sample, signal) };
    }, {
      show: ({ trace, asked, facts }) => {
        this.#busy = false;
        const ofAnother = this.#followed && { cell: null, label: null };
        this.#followed = { trace, facts };
        this.#models.show(asked);
        showIdentity(facts.model);
        this.#show({ ...this.#view, sample, ...ofAnother });
        this.#address.replace(this.#view);
        say(text("followed", { name: facts.name }));
      },
      fail: (error) => {
        this.#busy = false;
        this.#models.show(null);
        this.#fail(error, () => this.#take(picture, sample, model));
      },
    });
  }

  /** Listens to what the person does. */
  #listen() {
    listenForTurns((distance) => this.go({ step: stepAway(this.#view.step, distance) }));
    listenForLeaps();
    const fail = (/** @type {unknown} */ error) => this.#fail(error, () => {});
    listenForTools({ root: this.#stage.root, name: () => this.#name, say, fail });
    listenForCamera({ choose: (picture) => this.#take(picture, null), fail });
    listenForPictures({
      choose: (picture, sample) => this.#take(picture, SUBJECTS.find((one) => one === sample)?.name ?? null),
      fail,
    }, SUBJECTS);
  }

  /** What is shown, for files and captions. */
  get #name() {
    const { step, layer, head, patch } = this.#view;
    const { byLayer, byHead } = stepOf(step) ?? {};
    const places = [...(byLayer ? [["layer", layer]] : []), ...(byHead ? [["head", head]] : []), ["patch", patch]];
    const place = places.map(([name, value]) => `${text(String(name))} ${value}`).join(", ");
    return {
      file: ["vitrine-step", step, ...places.flat()].join("-"),
      caption: `${text("step_said", { step, title: text(`step${step}_title`) })} (${place})`,
    };
  }

  set #busy(/** @type {boolean} */ isBusy) {
    byId("busy", HTMLElement).hidden = !isBusy;
  }

  /**
   * @param {unknown} error
   * @param {() => void} retry
   */
  #fail(error, retry) {
    this.#notice.show(error, { retry, keepsResult: this.#followed !== null });
  }
}

/** @param {string} words for those who hear the page */
function say(words) {
  byId("status", HTMLElement).textContent = words;
}

new Guide().open();
