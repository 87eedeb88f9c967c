/**
 * The page: asks about the picture chosen and shows the answer.
 */

import { getMethods, getModels } from "./api.js";
import { Bars } from "./bars.js";
import { fileName, methodOf, notesOf, readoutOf, summaryOf, titleOf } from "./caption.js";
import { listenForPictures } from "./chooser.js";
import { ColorBar } from "./colorbar.js";
import { download } from "./download.js";
import { byId, fillSelect, make } from "./element.js";
import { Heatmap } from "./heatmap.js";
import { showIdentity } from "./identity.js";
import { Latest } from "./latest.js";
import { MethodChooser, defaultChoice } from "./method.js";
import { Notice } from "./notice.js";
import { Problem } from "./problem.js";
import { answerTo, drawingOf } from "./question.js";
import { fillTexts, text } from "./strings.js";

/**
 * @typedef {import("./api.js").Model} Model
 * @typedef {import("./question.js").Answer} Answer
 * @typedef {import("./question.js").Question} Question
 * @typedef {import("./heatmap.js").Patch} Patch
 * @typedef {{models: Model[], model: Model, methods: import("./api.js").Method[]}} Served
 */

/** Keeps all that is shown, and the controls, true to one answer. */
class Page {
  #notice = new Notice();
  #asking = new Latest();
  #saving = new Latest();
  #bars = new Bars(byId("bars", HTMLOListElement), (target) => this.#ask({ target }));
  #methods = new MethodChooser((choice) => this.#ask({ choice }));
  #heatmap = new Heatmap(byId("heatmap", HTMLCanvasElement), (patch) => this.#showPatch(patch));
  #colorBar = new ColorBar(byId("colorbar", HTMLElement));
  #model = byId("model", HTMLSelectElement);
  /** @type {Served | null} */
  #served = null;
  /** @type {Partial<Question>} */
  #wanted = {};
  /** @type {Answer | null} */
  #shown = null;

  constructor() {
    listenForPictures({
      choose: (picture) => this.#ask({ picture, target: null }),
      fail: (problem) => this.#fail(problem, () => {}),
    });
    this.#model.addEventListener("change", () => {
      const model = this.#served?.models[Number(this.#model.value)];
      const choice = { ...this.#methods.choice, layer: "", head: "" };
      this.#ask({ model, choice, target: null });
    });
    const opacity = byId("opacity", HTMLInputElement);
    opacity.addEventListener("input", () => {
      this.#heatmap.opacity = opacity.valueAsNumber / 100;
      byId("opacity-value", HTMLOutputElement).value = `${opacity.value}%`;
    });
    byId("save-picture", HTMLButtonElement).addEventListener("click", () => this.#savePicture());
    byId("save-scores", HTMLButtonElement).addEventListener("click", () => this.#saveScores());
    this.#ask({});
  }

  /**
   * Asks what is wanted with a change to it; before a picture is chosen, gets the models alone.
   * @param {Partial<Question>} change
   */
  #ask(change) {
    const wanted = { ...this.#wanted, ...change };
    this.#wanted = wanted;
    this.#setBusy(true);
    this.#asking.run((signal) => this.#answer(wanted, signal), {
      show: (answer) => {
        this.#setBusy(false);
        this.#notice.hide();
        if (answer) this.#show(answer);
      },
      fail: (error) => {
        this.#setBusy(false);
        this.#wanted = this.#shown ? { ...this.#shown.question } : {};
        this.#showControls();
        this.#fail(error, () => this.#ask(wanted));
      },
    });
  }

  /**
   * @param {Partial<Question>} wanted
   * @param {AbortSignal} signal
   * @returns {Promise<Answer | null>} null before a picture is chosen
   */
  async #answer({ picture, model, choice, target = null }, signal) {
    const served = (this.#served ??= await this.#offerServed(signal));
    if (!picture) return null;
    model ??= served.model;
    choice ??= defaultChoice(served.methods);
    return answerTo({ picture, model, choice, target }, this.#shown, signal);
  }

  /**
   * @param {AbortSignal} signal
   * @returns {Promise<Served>}
   */
  async #offerServed(signal) {
    const [models, methods] = await Promise.all([getModels(signal), getMethods(signal)]);
    const model = models.find((one) => one.is_default) ?? models[0];
    if (!model) throw noModel();
    const options = models.map(({ name, version }, index) => ({
      value: String(index),
      title: `${name} ${version}`,
    }));
    fillSelect(this.#model, options, String(models.indexOf(model)));
    byId("model-field", HTMLElement).hidden = models.length < 2;
    this.#methods.offerMethods(methods);
    showIdentity(model);
    return { models, model, methods };
  }

  /** @param {Answer} answer */
  #show(answer) {
    const before = this.#shown;
    this.#shown = answer;
    if (answer.classification !== before?.classification) {
      this.#bars.show(answer.classification.predictions);
    }
    if (answer.contract !== before?.contract) {
      this.#methods.offerLayers(answer.contract.architecture);
    }
    this.#showControls();
    showResult();
    showHint(answer);
    this.#showMap(answer);
    byId("heatmap", HTMLElement).scrollIntoView({ block: "nearest" });
    showIdentity(answer.classification.model, (answer.explanation ?? answer.classification).timing_ms);
    byId("status", HTMLElement).textContent = summaryOf(answer);
  }

  #showControls() {
    if (!this.#shown || !this.#served) return;
    const { question, explanation } = this.#shown;
    this.#wanted = { ...question };
    this.#methods.choice = question.choice;
    this.#model.value = String(this.#served.models.indexOf(question.model));
    this.#bars.press(explanation?.method.class_specific ? explanation.target.index : null);
  }

  /** @param {Answer} answer */
  #showMap({ picture, classification, explanation }) {
    const { width, height, format } = classification.image;
    const map = explanation && {
      scores: explanation.scores,
      scale: explanation.scale,
      box: explanation.grid.crop_box,
    };
    this.#heatmap.show({ pixels: picture.pixels, width, height, map });
    byId("map-title", HTMLElement).textContent = explanation ? titleOf(explanation) : text("map_none");
    byId("map-method", HTMLElement).textContent = explanation ? methodOf(explanation) : "";
    const notes = explanation ? notesOf(explanation) : [];
    if (!picture.pixels) notes.push(text("not_drawn", { format }));
    byId("notes", HTMLElement).replaceChildren(...notes.map((note) => make("li", "", note)));
    for (const part of document.querySelectorAll(".of-map")) {
      part.toggleAttribute("hidden", !explanation);
    }
    if (explanation) this.#colorBar.show(explanation.scale);
  }

  /** @param {Patch | null} patch */
  #showPatch(patch) {
    const explanation = this.#shown?.explanation;
    const score = patch && explanation ? explanation.scores[patch.row][patch.column] : null;
    this.#colorBar.mark(score);
    byId("readout", HTMLOutputElement).value =
      patch && explanation ? readoutOf(patch, explanation) : text("readout_hint");
  }

  #savePicture() {
    const answer = this.#shown;
    if (!answer?.explanation) return;
    const name = fileName(answer, "png");
    this.#saving.run((signal) => drawingOf(answer, this.#heatmap.opacity, signal), {
      show: (drawing) => save(drawing, name),
      fail: (error) => this.#fail(error, () => this.#savePicture()),
    });
  }

  #saveScores() {
    if (!this.#shown?.explanation) return;
    const content = JSON.stringify(this.#shown.explanation, null, 2);
    save(new Blob([content], { type: "application/json" }), fileName(this.#shown, "json"));
  }

  /** @param {boolean} isBusy */
  #setBusy(isBusy) {
    byId("result", HTMLElement).setAttribute("aria-busy", String(isBusy));
    byId("busy", HTMLElement).hidden = !isBusy;
  }

  /**
   * @param {unknown} error
   * @param {() => void} retry
   */
  #fail(error, retry) {
    this.#notice.show(error, { retry, keepsResult: this.#shown !== null });
  }
}

/** Makes room for the result, which the canvas needs before it is drawn. */
function showResult() {
  document.body.classList.add("answered");
  byId("choose-hint", HTMLElement).textContent = text("choose_other");
  byId("result", HTMLElement).hidden = false;
}

function noModel() {
  return new Problem(text("problem_no_model"), text("problem_no_model_detail"), { mayPass: true });
}

/** @param {Answer} answer */
function showHint({ question, classification, explanation }) {
  const [shown, all] = [classification.predictions.length, question.model.labels.length];
  const some = shown < all ? text("classes_best", { shown, all }) : text("classes_hint");
  const hint = explanation?.method.class_specific ? some : text("classes_alike");
  byId("classes-hint", HTMLElement).textContent = explanation ? hint : "";
}

/**
 * @param {Blob} content
 * @param {string} name
 */
function save(content, name) {
  download(content, name);
  byId("status", HTMLElement).textContent = text("saved", { file: name });
}

document.title = text("page_title");
fillTexts(document);
new Page();
