/**
 * Links within the page, whose address is of the view alone.
 */

import { byId } from "../element.js";

const LEAPS = [["skip", "stage"], ["to-hand", "hand"]]; // from a link to a part

/** Lets the links move the focus, and leave the address. */
export function listenForLeaps() {
  for (const [from, to] of LEAPS) {
    byId(from, HTMLElement).addEventListener("click", (event) => {
      event.preventDefault();
      byId(to, HTMLElement).focus();
    });
  }
}
