/**
 * The guide: follows one picture through the model, step by step.
 */

import { getModels } from "../api.js";
import { listenForPictures, readSample } from "../chooser.js";
import { byId, fillSelect } from "../element.js";
import { showIdentity } from "../identity.js";
import { Latest } from "../latest.js";
import { Notice } from "../notice.js";
import { Problem } from "../problem.js";
import { listenForCamera } from "./camera.js";
import { Controls } from "./controls.js";
import { factsOf } from "./facts.js";
import { listenForKeys } from "./keys.js";
import { Mine } from "./mine.js";
import { ModelMap } from "./map.js";
import { Rail } from "./rail.js";
import { Stage } from "./stage.js";
import { IDS, stepAway, stepOf } from "./steps.js";
import { SUBJECTS, subjectNamed } from "./subjects.js";
import { LANGUAGES, rememberLanguage, rememberedLanguage, speakLanguage, text } from "./text.js";
import { rememberedTheme, wearTheme } from "../theme.js";
import { listenForTools, offerTools } from "./tools.js";
import { Trace } from "./trace.js";
import { FIRST_VIEW, hashOf, viewOf, withinModel } from "./view.js";

/**
 * @typedef {import("../api.js").Model} Model
 * @typedef {import("../picture.js").Picture} Picture
 * @typedef {import("./view.js").View} View
 * @typedef {import("./facts.js").Facts} Facts
 * @typedef {import("./step.js").Scene} Scene
 */

const PATIENCE = 150; // milliseconds before a wait is shown

/** Keeps all parts of the page on one view of one picture. */
class Guide {
  #notice = new Notice();
  #stage = new Stage();
  #rail = new Rail();
  #map = new ModelMap();
  #mine = new Mine((change) => this.go(change));
  #controls = new Controls((change) => this.go(change));
  #following = new Latest();
  #drawing = new AbortController();
  /** @type {View} */
  #view = { ...FIRST_VIEW };
  /** @type {Model[]} */
  #models = [];
  /** @type {Model | null} */
  #model = null;
  /** @type {Trace | null} */
  #trace = null;
  /** @type {Facts | null} */
  #facts = null;
  /** The view as it was drawn last. @type {View | null} */
  #drawn = null;

  /** Opens the page at the address's view. */
  async open() {
    await this.#speak(rememberedLanguage());
    this.#offerSettings();
    this.#view = { ...this.#view, ...known(viewOf(location.hash)) };
    this.#turn();
    byId("to-hand", HTMLElement).addEventListener("click", (event) => leapTo("hand", event));
    byId("skip", HTMLElement).addEventListener("click", (event) => leapTo("stage", event));
    window.addEventListener("popstate", () => this.#follow(location.hash));
    listenForKeys((distance) => this.go({ step: stepAway(this.#view.step, distance) }));
    const fail = (/** @type {unknown} */ error) => this.#fail(error, () => {});
    listenForTools({ name: () => this.#name(), root: this.#stage.root, say, fail });
    listenForCamera({
      choose: (picture) => this.#take(picture, null),
      fail: () => this.#fail(new Problem(text("no_camera"), text("no_camera_detail"), { mayPass: false }), () => {}),
    }); // before the next, whose file input it may replace
    listenForPictures({
      choose: (picture, sample) => this.#take(picture, SUBJECTS.find((one) => one === sample)?.name ?? null),
      fail: (problem) => this.#fail(problem, () => {}),
    }, SUBJECTS);
    this.#begin();
  }

  /** Asks for the models and follows a first picture. */
  #begin() {
    const sample = subjectNamed(this.#view.sample);
    this.#take(readSample(sample), sample.name);
  }

  /**
   * Changes the view.
   * @param {Partial<View>} change
   */
  go(change) {
    const isTurned = change.step !== undefined && change.step !== this.#view.step;
    const isMoved = isTurned || change.patch !== undefined;
    const view = { ...this.#view, ...(isMoved && { cell: null }), ...change };
    if (view.sample && view.sample !== this.#view.sample) {
      const sample = subjectNamed(view.sample);
      this.#take(readSample(sample), sample.name);
      return;
    }
    if (hashOf(view) === hashOf(this.#view)) return;
    this.#show(view);
    const hash = hashOf(this.#view);
    if (isTurned) history.pushState(null, "", hash);
    else replaceAddress(hash);
  }

  /** @param {string} hash of an address that was gone to */
  #follow(hash) {
    const said = known(viewOf(hash));
    const isTurned = said.step !== undefined && said.step !== this.#view.step;
    const view = { ...this.#view, ...(isTurned && { cell: null }), ...said };
    if (view.sample && view.sample !== this.#view.sample) {
      this.#view = view;
      this.#begin();
      return;
    }
    this.#show({ ...view, sample: this.#view.sample });
    history.replaceState(null, "", hashOf(this.#view));
  }

  /** @param {View} view */
  #show(view) {
    const before = this.#view;
    this.#view = this.#facts ? withinModel(view, this.#facts) : view;
    if (view.step !== before.step) this.#turn();
    this.#draw();
  }

  /** Turns to the view's step, of which nothing is drawn yet. */
  #turn() {
    const { step } = this.#view;
    this.#stage.turn(step);
    this.#rail.show(step);
    this.#map.show(step);
    const title = text(`step${step}_title`);
    byId("steps-now", HTMLElement).textContent = text("steps_now", { step, title });
    byId("previous", HTMLButtonElement).disabled = step === IDS[0];
    byId("next", HTMLButtonElement).disabled = step === IDS[IDS.length - 1];
    document.title = text("page_title_step", { step, title });
    say(text("step_said", { step, title }));
    if (byId("stage", HTMLElement).getBoundingClientRect().top < 0) window.scrollTo({ top: 0, behavior: "instant" });
  }

  /** Draws the view as soon as its values are there; until then the drawing before stays. */
  async #draw() {
    const [facts, trace, view] = [this.#facts, this.#trace, this.#view];
    if (!facts || !trace) return;
    this.#drawing.abort();
    const { signal } = (this.#drawing = new AbortController());
    const step = stepOf(view.step);
    this.#controls.show(step, view, facts.architecture);
    this.#mine.show(facts, view);
    const timer = setTimeout(() => (this.#stage.busy = true), PATIENCE);
    try {
      const needs = step.needs(view, facts);
      const tensors = trace.kept(needs, view) ?? (await trace.fetch(needs, view, signal));
      if (signal.aborted) return;
      await this.#stage.draw(step, {
        root: this.#stage.root, view, facts, tensors, text, signal,
        go: (change) => this.go(change),
        fetch: (needs) => trace.fetch(needs, view, signal),
      });
      this.#drawn = view;
      offerTools(this.#stage.root);
      this.#prefetch(stepAway(view.step, 1));
    } catch (error) {
      if (!signal.aborted) this.#fail(error, () => this.#draw());
    } finally {
      clearTimeout(timer);
      if (!signal.aborted) this.#stage.busy = false;
    }
  }

  /** @param {string} id of a step whose values will likely be wanted */
  #prefetch(id) {
    const [facts, trace, view] = [this.#facts, this.#trace, this.#view];
    if (!facts || !trace) return;
    const { signal } = this.#drawing;
    setTimeout(() => {
      if (!signal.aborted) trace.fetch(stepOf(id).needs({ ...view, step: id, cell: null }, facts), view).catch(() => {});
    }, PATIENCE);
  }

  /**
   * Follows another picture; the one before stays until the new one's values are there.
   * @param {Promise<Picture>} picture
   * @param {string | null} sample
   * @param {Model | null} [model]
   */
  #take(picture, sample, model = this.#model) {
    byId("busy", HTMLElement).hidden = false;
    this.#following.run(async (signal) => {
      const [chosen] = await Promise.all([picture, this.#offerModels(signal)]);
      const used = model ?? this.#model ?? this.#models[0];
      const trace = new Trace(chosen.bytes, used);
      return { trace, used, facts: await factsOf(chosen, used, trace, sample, signal) };
    }, {
      show: ({ trace, used, facts }) => {
        byId("busy", HTMLElement).hidden = true;
        this.#notice.hide();
        [this.#trace, this.#facts, this.#model] = [trace, facts, used];
        byId("model", HTMLSelectElement).value = String(this.#models.indexOf(used));
        showIdentity(facts.model);
        this.#show({ ...this.#view, sample, cell: this.#drawn ? null : this.#view.cell });
        history.replaceState(null, "", hashOf(this.#view));
        say(text("followed", { name: facts.name }));
      },
      fail: (error) => {
        byId("busy", HTMLElement).hidden = true;
        if (this.#model) byId("model", HTMLSelectElement).value = String(this.#models.indexOf(this.#model));
        this.#fail(error, () => this.#take(picture, sample, model));
      },
    });
  }

  /** @param {AbortSignal} signal */
  async #offerModels(signal) {
    if (this.#models.length > 0) return;
    const models = await getModels(signal);
    if (models.length === 0) {
      throw new Problem(text("problem_no_model"), text("problem_no_model_detail"), { mayPass: true });
    }
    this.#models = models;
    this.#model = models.find((one) => one.is_default) ?? models[0];
    const options = models.map(({ name, version }, index) => ({ value: String(index), title: `${name} ${version}` }));
    fillSelect(byId("model", HTMLSelectElement), options, String(models.indexOf(this.#model)));
    byId("model-field", HTMLElement).hidden = models.length < 2;
  }

  #offerSettings() {
    const model = byId("model", HTMLSelectElement);
    model.addEventListener("change", () => {
      const facts = this.#facts;
      const picture = facts && { bytes: facts.picture, name: facts.name, pixels: facts.isImageShown ? facts.image : null };
      if (picture) this.#take(Promise.resolve(/** @type {Picture} */ (picture)), facts.sample, this.#models[Number(model.value)]);
    });
    const language = byId("language", HTMLSelectElement);
    const languages = Object.entries(LANGUAGES).map(([value, title]) => ({ value, title }));
    fillSelect(language, languages, document.documentElement.lang);
    language.addEventListener("change", async () => {
      const chosen = /** @type {import("./text.js").Language} */ (language.value);
      rememberLanguage(chosen);
      await this.#speak(chosen);
      this.#turn();
      this.#draw();
    });
    const theme = byId("theme", HTMLSelectElement);
    theme.addEventListener("change", () => {
      wearTheme(/** @type {import("../theme.js").Theme} */ (theme.value));
      this.#draw();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
    byId("previous", HTMLElement).addEventListener("click", () => this.go({ step: stepAway(this.#view.step, -1) }));
    byId("next", HTMLElement).addEventListener("click", () => this.go({ step: stepAway(this.#view.step, 1) }));
  }

  /** @param {import("./text.js").Language} language */
  async #speak(language) {
    await speakLanguage(language);
    this.#rail.write();
    this.#map.write();
    const themes = ["auto", "light", "dark"].map((value) => ({ value, title: text(`theme_${value}`) }));
    fillSelect(byId("theme", HTMLSelectElement), themes, rememberedTheme());
    if (this.#facts) showIdentity(this.#facts.model);
  }

  /** Names what is shown, for files and captions. */
  #name() {
    const { step, layer, head, patch } = this.#view;
    const { byLayer, byHead } = stepOf(step);
    const places = [byLayer && ["layer", layer], byHead && ["head", head], ["patch", patch]].filter(Boolean);
    const place = places.map(([name, value]) => `${text(name)} ${value}`).join(", ");
    return {
      file: ["vitrine-step", step, ...places.flat()].join("-"),
      caption: `${text("step_said", { step, title: text(`step${step}_title`) })} (${place})`,
    };
  }

  /**
   * @param {unknown} error
   * @param {() => void} retry
   */
  #fail(error, retry) {
    this.#notice.show(error, { retry, keepsResult: this.#facts !== null });
  }
}

/**
 * Leaves out a step that there is not.
 * @param {Partial<View>} view
 * @returns {Partial<View>}
 */
function known(view) {
  const { step, ...rest } = view;
  return step !== undefined && IDS.includes(step) ? view : rest;
}

/**
 * Goes to a part of the page; the address is of the view alone.
 * @param {string} id
 * @param {Event} event
 */
function leapTo(id, event) {
  event.preventDefault();
  byId(id, HTMLElement).focus();
}

/** @type {number | undefined} */
let replacing;

/**
 * Replaces the address a little later, since browsers refuse many changes at once.
 * @param {string} hash
 */
function replaceAddress(hash) {
  clearTimeout(replacing);
  replacing = setTimeout(() => history.replaceState(null, "", hash), PATIENCE);
}

/** @param {string} words for those who hear the page */
function say(words) {
  byId("status", HTMLElement).textContent = words;
}

new Guide().open();
