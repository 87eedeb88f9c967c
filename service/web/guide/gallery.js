/**
 * Labelled pictures, and the visitor's that has no label yet.
 */

import { make } from "../element.js";
import { drawSample } from "../samples.js";
import { percent } from "./number.js";
import { croppedOriginal } from "./patches.js";
import { SUBJECTS } from "./subjects.js";

const SIDE = 144; // pixels, more than is shown
const MOST_LABELS = 60;

/**
 * Draws the gallery: a drawing for each label that has one, then the visitor's picture.
 * @param {import("./step.js").Scene} scene
 * @returns {HTMLElement}
 */
export function gallery(scene) {
  const { facts, text } = scene;
  const accuracies = facts.contract.provenance?.metrics?.test?.per_class ?? {};
  const shown = facts.labels.flatMap((label) => {
    const subject = SUBJECTS.find(({ labels }) => labels.includes(label.toLowerCase()));
    return subject ? [{ label, subject }] : [];
  });
  const cards = shown.map(({ label, subject }) => {
    const canvas = drawSample(/** @type {any} */ (subject), SIDE);
    canvas.setAttribute("aria-hidden", "true");
    const right = accuracies[label];
    const button = make("button", "labelled", canvas, make("b", "", label),
      make("small", "", right === undefined ? "" : text("step0_right", { share: percent(right, 0) })));
    button.type = "button";
    button.dataset.focus = `sample ${subject.name}`;
    button.addEventListener("click", () => scene.go({ sample: subject.name }));
    return make("li", "", button);
  });
  const yours = croppedOriginal(facts);
  yours.setAttribute("role", "img");
  yours.setAttribute("aria-label", facts.name);
  const card = make("button", "labelled yours", yours, make("b", "", "?"), make("small", "", text("step0_yours")));
  card.type = "button";
  card.addEventListener("click", () => document.getElementById("choose-file")?.click());
  const list = make("ul", "plain gallery", ...cards, make("li", "", card));
  list.setAttribute("aria-label", text("step0_gallery"));
  return list;
}

/**
 * Lists the labels that no drawing shows, the first of many.
 * @param {import("./step.js").Scene} scene
 * @returns {HTMLElement[]} none where every label has a drawing
 */
export function otherLabels({ facts, text }) {
  const known = new Set(SUBJECTS.flatMap(({ labels }) => labels));
  const others = facts.labels.filter((label) => !known.has(label.toLowerCase()));
  if (others.length === 0) return [];
  const listed = others.slice(0, MOST_LABELS).join(", ");
  const more = others.length > MOST_LABELS ? ` ${text("step0_more", { count: others.length - MOST_LABELS })}` : "";
  return [make("p", "muted", text("step0_labels", { count: facts.labels.length, labels: listed }) + more)];
}
