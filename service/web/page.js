/**
 * The page: asks about the picture chosen and shows the answer.
 */

import { getModels } from "./api.js";
import { Bars } from "./bars.js";
import { fileName, summaryOf } from "./caption.js";
import { ChoiceForm, NO_CHOICE } from "./choice.js";
import { listenForPictures } from "./chooser.js";
import { download } from "./download.js";
import { byId, fillSelect } from "./element.js";
import { FaithfulnessPanel } from "./faithfulness.js";
import { showIdentity } from "./identity.js";
import { Latest } from "./latest.js";
import { Notice } from "./notice.js";
import { Pace } from "./pace.js";
import { Problem } from "./problem.js";
import { answerTo, drawingOf } from "./question.js";
import { Stage } from "./stage.js";
import { fillTexts, text } from "./strings.js";

/**
 * @typedef {import("./api.js").Model} Model
 * @typedef {import("./api.js").Prediction} Prediction
 * @typedef {import("./question.js").Answer} Answer
 * @typedef {import("./question.js").Question} Question
 * @typedef {{models: Model[], model: Model}} Served
 */

/** Keeps all that is shown, and the controls, true to one answer. */
class Page {
  #notice = new Notice();
  #asking = new Latest();
  #saving = new Latest();
  #stage = new Stage();
  #bars = new Bars(byId("bars", HTMLOListElement), (target) => this.#askAbout(target));
  #pace = new Pace(() => this.#ask({ choice: this.#form.choice }));
  #form = new ChoiceForm({
    choose: () => this.#ask({ choice: this.#form.choice }),
    slide: () => this.#pace.want(),
  });
  #faithfulness = new FaithfulnessPanel((error, retry) => this.#fail(error, retry));
  #model = byId("model", HTMLSelectElement);
  /** @type {Served | null} */
  #served = null;
  /** @type {Partial<Question>} */
  #wanted = {};
  /** @type {Answer | null} */
  #shown = null;

  constructor() {
    listenForPictures({
      choose: (picture) => this.#ask({ picture, target: null, choice: this.#choiceWithout("versus") }),
      fail: (problem) => this.#fail(problem, () => {}),
    });
    this.#model.addEventListener("change", () => {
      const model = this.#served?.models[Number(this.#model.value)];
      const choice = this.#choiceWithout("versus", "layer", "head", "start_layer");
      this.#ask({ model, choice, target: null });
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
    this.#faithfulness.stop();
    return this.#asking.run((signal) => this.#answer(wanted, signal), {
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

  /** @param {Prediction} target */
  #askAbout(target) {
    const { versus } = this.#wanted.choice ?? NO_CHOICE;
    const isOpponent = versus === String(target.index);
    this.#ask(isOpponent ? { target, choice: this.#choiceWithout("versus") } : { target });
  }

  /**
   * @param {...keyof import("./choice.js").Choice} names
   * @returns {import("./choice.js").Choice}
   */
  #choiceWithout(...names) {
    const emptied = Object.fromEntries(names.map((name) => [name, ""]));
    return { ...NO_CHOICE, ...this.#wanted.choice, ...emptied };
  }

  /**
   * @param {Partial<Question>} wanted
   * @param {AbortSignal} signal
   * @returns {Promise<Answer | null>} null before a picture is chosen
   */
  async #answer({ picture, model, choice = NO_CHOICE, target = null }, signal) {
    const served = (this.#served ??= await this.#offerModels(signal));
    if (!picture) return null;
    model ??= served.model;
    return answerTo({ picture, model, choice, target }, this.#shown, signal);
  }

  /**
   * @param {AbortSignal} signal
   * @returns {Promise<Served>}
   */
  async #offerModels(signal) {
    const models = await getModels(signal);
    const model = models.find((one) => one.is_default) ?? models[0];
    if (!model) throw noModel();
    const options = models.map(({ name, version }, index) => ({
      value: String(index),
      title: `${name} ${version}`,
    }));
    fillSelect(this.#model, options, String(models.indexOf(model)));
    byId("model-field", HTMLElement).hidden = models.length < 2;
    showIdentity(model);
    return { models, model };
  }

  /** @param {Answer} answer */
  #show(answer) {
    const before = this.#shown;
    this.#shown = answer;
    this.#offer(answer, before);
    if (!this.#pace.isWanted) this.#showControls();
    showResult();
    showHint(answer);
    for (const part of document.querySelectorAll(".of-map")) {
      part.toggleAttribute("hidden", !answer.explanation);
    }
    this.#stage.show(answer);
    this.#faithfulness.show(answer);
    if (!isSteered()) byId("heatmap", HTMLElement).scrollIntoView({ block: "nearest" });
    const { classification, explanation } = answer;
    showIdentity(classification.model, (explanation ?? classification).timing_ms);
    byId("status", HTMLElement).textContent = summaryOf(answer);
  }

  /**
   * Offers what an answer lets be asked next, where that is not what the one before did.
   * @param {Answer} answer
   * @param {Answer | null} before
   */
  #offer({ question, contract, methods, classification, explanation }, before) {
    const isNew = classification !== before?.classification;
    if (isNew) this.#bars.show(classification.predictions);
    if (methods !== before?.methods) this.#form.offer(methods, contract.architecture);
    if (explanation && (isNew || explanation.target.index !== before?.explanation?.target.index)) {
      const { labels } = question.model;
      this.#form.offerOpponents(labels, classification.predictions, explanation.target.index);
    }
  }

  #showControls() {
    if (!this.#shown || !this.#served) return;
    const { question, explanation } = this.#shown;
    this.#wanted = { ...question };
    const method = explanation?.method.name ?? question.choice.method;
    this.#form.choice = { ...question.choice, method };
    this.#model.value = String(this.#served.models.indexOf(question.model));
    this.#bars.press(explanation?.method.class_specific ? explanation.target.index : null);
  }

  #savePicture() {
    const answer = this.#shown;
    if (!answer?.explanation) return;
    const name = fileName(answer, "png");
    this.#saving.run((signal) => drawingOf(answer, this.#stage.drawing, signal), {
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

/** Says whether a control is in use that would be lost from sight if the page scrolled to the map. */
function isSteered() {
  return document.querySelector("#methods :focus-visible, #parameters :focus") !== null;
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
