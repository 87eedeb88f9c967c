/**
 * The message about what went wrong, with a way to try again.
 */

import { byId } from "./element.js";
import { keep } from "./key.js";
import { Problem } from "./problem.js";
import { text } from "./strings.js";

/** Shows one problem at a time. */
export class Notice {
  #root = byId("notice", HTMLElement);
  #title = byId("notice-title", HTMLElement);
  #detail = byId("notice-detail", HTMLElement);
  #kept = byId("notice-kept", HTMLElement);
  #retry = byId("notice-retry", HTMLButtonElement);
  #keyForm = byId("notice-key", HTMLFormElement);
  #key = byId("key", HTMLInputElement);
  #onRetry = () => {};
  /** @type {Element | null} */
  #focusedBefore = null;

  constructor() {
    this.#retry.addEventListener("click", () => this.#tryAgain());
    this.#keyForm.addEventListener("submit", (event) => {
      event.preventDefault();
      keep(this.#key.value);
      this.#key.value = "";
      this.#tryAgain();
    });
    byId("notice-dismiss", HTMLButtonElement).addEventListener("click", () => this.hide());
  }

  /**
   * Shows an error. A second try is offered where it may help; `keepsResult` says whether an
   * earlier result still stands.
   * @param {unknown} error
   * @param {{retry: () => void, keepsResult: boolean}} about
   */
  show(error, { retry, keepsResult }) {
    const problem = error instanceof Problem ? error : pageFailed(error);
    this.#title.textContent = problem.title;
    this.#detail.textContent = problem.detail;
    this.#kept.hidden = !keepsResult;
    this.#retry.hidden = !problem.mayPass;
    this.#keyForm.hidden = !problem.needsKey;
    this.#onRetry = retry;
    if (!this.#hasFocus) this.#focusedBefore = document.activeElement;
    this.#root.hidden = false;
    this.#root.scrollIntoView({ block: "nearest" });
  }

  /** Takes the message away; a focus inside it goes back to where it was. */
  hide() {
    if (this.#hasFocus && this.#focusedBefore instanceof HTMLElement) {
      this.#focusedBefore.focus({ preventScroll: true });
    }
    this.#root.hidden = true;
  }

  #tryAgain() {
    this.hide(); // so that a second failure is heard again
    this.#onRetry();
  }

  get #hasFocus() {
    return this.#root.contains(document.activeElement);
  }
}

/** @param {unknown} error */
function pageFailed(error) {
  return new Problem(text("problem_page"), String(error), { mayPass: true });
}
