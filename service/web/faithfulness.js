/**
 * How true the map is to the model on this picture: measured when asked for.
 */

import { isAgainst } from "./caption.js";
import { CurveChart } from "./curves.js";
import { byId, make } from "./element.js";
import { Latest } from "./latest.js";
import { faithfulnessOf } from "./question.js";
import { isText, percent, scoreText, text } from "./strings.js";

/**
 * @typedef {import("./question.js").Answer} Answer
 * @typedef {import("./api.js").Faithfulness} Faithfulness
 * @typedef {import("./curves.js").Curve} Curve
 */

/** Keeps what was measured with the map that it was measured for. */
export class FaithfulnessPanel {
  #measuring = new Latest();
  #button = byId("measure", HTMLButtonElement);
  #result = byId("faithfulness-result", HTMLElement);
  #chart = new CurveChart(byId("curves", SVGSVGElement));
  #onFail;
  #isMeasuring = false;
  /** @type {Answer | null} */
  #answer = null;
  /** @type {Map<string, Faithfulness>} */
  #found = new Map(); // of this picture, by what was asked

  /** @param {(error: unknown, retry: () => void) => void} onFail */
  constructor(onFail) {
    this.#onFail = onFail;
    this.#button.addEventListener("click", () => {
      if (this.#isMeasuring) this.stop();
      else this.#measure();
    });
  }

  /**
   * Belongs to an answer from now on; what was measured for it before is shown again.
   * @param {Answer} answer
   */
  show(answer) {
    if (answer.picture !== this.#answer?.picture) this.#found.clear();
    this.#answer = answer;
    const found = this.#found.get(keyOf(answer));
    if (found) this.#showFound(found, answer);
    this.#result.hidden = !found;
    this.stop();
  }

  /** Stops measuring, if it does. */
  stop() {
    this.#measuring.stop();
    this.#setMeasuring(false);
  }

  #measure() {
    const answer = this.#answer;
    if (!answer) return;
    this.#setMeasuring(true);
    this.#measuring.run((signal) => faithfulnessOf(answer, signal), {
      show: (found) => {
        const hadFocus = document.activeElement === this.#button;
        this.#found.set(keyOf(answer), found);
        this.#result.hidden = false;
        this.#showFound(found, answer);
        this.#setMeasuring(false);
        byId("status", HTMLElement).textContent = verdictOf(found, answer);
        if (hadFocus) this.#result.focus({ preventScroll: true }); // its button is gone
      },
      fail: (error) => {
        this.#setMeasuring(false);
        this.#onFail(error, () => this.#measure());
      },
    });
  }

  /** @param {boolean} isMeasuring */
  #setMeasuring(isMeasuring) {
    this.#isMeasuring = isMeasuring;
    this.#button.textContent = text(isMeasuring ? "measure_stop" : "measure");
    this.#button.hidden = !this.#result.hidden;
    byId("measuring", HTMLElement).textContent = isMeasuring ? text("measuring") : "";
    byId("faithfulness", HTMLElement).setAttribute("aria-busy", String(isMeasuring));
  }

  /**
   * @param {Faithfulness} found
   * @param {Answer} answer
   */
  #showFound(found, answer) {
    const curves = curvesOf(found);
    byId("verdict", HTMLElement).textContent = verdictOf(found, answer);
    const label = text("curve_label", { label: labelOf(answer) });
    this.#chart.show({ removed: found.removed, curves, label });
    byId("curves", SVGSVGElement).setAttribute("aria-label", text("curve_chart"));
    byId("legend", HTMLElement).replaceChildren(
      ...curves.map(({ order }) => make("li", order, text(`legend_${order}`, { count: found.random_orders }))),
    );
    const rows = found.removed.map((share, index) => [share, ...curves.map(({ points }) => points[index])]);
    byId("curve-rows", HTMLTableSectionElement).replaceChildren(...rows.map(rowOf));
    const facts = /** @type {const} */ (["comprehensiveness", "sufficiency"]);
    byId("facts", HTMLElement).replaceChildren(
      ...facts.map((name) => factOf(text(name), scoreText(found[name]), text(`${name}_meaning`))),
      factOf(text("removal"), found.removal, removalText(found.removal)),
    );
  }
}

/** @param {Answer} answer */
function keyOf({ asked }) {
  return JSON.stringify(asked);
}

/** @param {Answer} answer */
function labelOf({ explanation }) {
  return explanation?.target.label ?? "";
}

/**
 * @param {Faithfulness} found
 * @returns {Curve[]}
 */
function curvesOf(found) {
  return [
    { order: "most", points: found.most_relevant_first.curve },
    { order: "least", points: found.least_relevant_first.curve },
    { order: "random", points: found.random.curve },
  ];
}

/**
 * Says in a sentence what was found; a map of what speaks against a class is judged the other way.
 * @param {Faithfulness} found
 * @param {Answer} answer
 * @returns {string}
 */
function verdictOf({ delta }, answer) {
  const values = { label: labelOf(answer), delta: scoreText(delta) };
  if (answer.explanation && isAgainst(answer.explanation.method)) {
    return text("verdict_against", values);
  }
  return text(delta > 0 ? "verdict_better" : "verdict_worse", values);
}

/** @param {string} removal */
function removalText(removal) {
  const name = `removal_${removal}`;
  return isText(name) ? text(name) : "";
}

/** @param {number[]} shares */
function rowOf([removed, ...shares]) {
  const head = make("th", "", percent(removed, 0));
  head.scope = "row";
  return make("tr", "", head, ...shares.map((share) => make("td", "", percent(share))));
}

/**
 * @param {string} name
 * @param {string} value
 * @param {string} meaning
 */
function factOf(name, value, meaning) {
  const number = make("strong", "", value);
  return make("div", "", make("dt", "", name), make("dd", "", number, " ", make("span", "", meaning)));
}
