/**
 * The steps of the guide in their order. A chapter's code comes when one of its steps is wanted.
 */

import { unreachable } from "../problem.js";

/** @typedef {import("./step.js").Step} Step */

/** The ids of all steps, by chapters; the sub-steps are the norms. */
export const CHAPTERS = [
  { name: "picture", ids: ["0", "1", "2"] },
  { name: "tokens", ids: ["3", "4", "5", "6", "7", "8"] },
  { name: "attention", ids: ["8b", "9", "10", "11", "12", "13", "14", "15", "16"] },
  { name: "block", ids: ["17", "18", "19b", "19", "20", "21"] },
  { name: "answer", ids: ["22b", "22", "23", "24"] },
];

export const IDS = CHAPTERS.flatMap(({ ids }) => ids);

/** @type {Map<string, Step>} */
const loaded = new Map();

/**
 * Gives the name of a step's chapter.
 * @param {string} id
 */
export function chapterOf(id) {
  return CHAPTERS.find(({ ids }) => ids.includes(id))?.name ?? CHAPTERS[0].name;
}

/**
 * Gives a step whose chapter has come.
 * @param {string} id
 * @returns {Step | undefined}
 */
export function stepOf(id) {
  return loaded.get(id);
}

/**
 * Gives a step, with its chapter's code and styles.
 * @param {string} id
 * @returns {Promise<Step>} Raises the Problem of a server that does not answer.
 */
export async function loadStep(id) {
  const chapter = chapterOf(id);
  const coming = Promise.all([import(`./steps/${chapter}.js`), loadStyles(chapter)]);
  const [{ default: steps }] = await coming.catch(() => {
    throw unreachable();
  });
  for (const step of /** @type {Step[]} */ (steps)) loaded.set(step.id, step);
  const step = loaded.get(id);
  if (!step) throw new Error(`the chapter ${chapter} has no step ${id}`);
  return step;
}

/**
 * Gives the id of the step so many steps away, or of the first or last one.
 * @param {string} id
 * @param {number} distance
 */
export function stepAway(id, distance) {
  return IDS[Math.min(Math.max(IDS.indexOf(id) + distance, 0), IDS.length - 1)];
}

/** @param {string} chapter */
function loadStyles(chapter) {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = new URL(`./${chapter}.css`, import.meta.url).href;
  if ([...document.styleSheets].some(({ href }) => href === link.href)) return undefined;
  return new Promise((resolve, reject) => {
    link.addEventListener("load", () => resolve(undefined));
    link.addEventListener("error", () => reject());
    document.head.append(link);
  });
}
