/**
 * What is done with a drawing: kept as a picture, or pointed to by a link.
 */

import { byId } from "../element.js";
import { text } from "./text.js";

/**
 * @param {{name: () => string, root: HTMLElement, say: (words: string) => void}} about
 */
export function listenForTools({ say }) {
  byId("copy-link", HTMLElement).addEventListener("click", async () => {
    await navigator.clipboard.writeText(location.href);
    say(text("link_copied"));
  });
}
