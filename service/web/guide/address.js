/**
 * The page's address, which says what is looked at.
 */

import { IDS } from "./steps.js";
import { hashOf, viewOf } from "./view.js";

/** @typedef {import("./view.js").View} View */

const LATER = 150; // milliseconds, since browsers refuse many changes at once

/** Keeps the address true to the view. */
export class Address {
  /** @type {number | undefined} */
  #replacing;

  /** @param {(said: Partial<View>) => void} follow told when the person goes to another address */
  constructor(follow) {
    window.addEventListener("popstate", () => follow(this.said));
  }

  /** What the address says of a view; a step that there is not is left out. @returns {Partial<View>} */
  get said() {
    const { step, ...rest } = viewOf(location.hash);
    return step !== undefined && IDS.includes(step) ? { step, ...rest } : rest;
  }

  /** @param {View} view that can be gone back from */
  push(view) {
    clearTimeout(this.#replacing);
    history.pushState(null, "", hashOf(view));
  }

  /** @param {View} view */
  replace(view) {
    clearTimeout(this.#replacing);
    this.#replacing = setTimeout(() => history.replaceState(null, "", hashOf(view)), LATER);
  }
}
