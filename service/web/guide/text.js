/**
 * The language of the guide, and its texts by name.
 */

import { fillTexts, speak, text as spoken } from "../strings.js";

/** @typedef {"en" | "ko"} Language */

const PLACE = "vitrine-language";
const CHAPTERS = ["core", "picture", "tokens", "attention", "block", "answer"];

/** @type {Record<Language, string>} */
export const LANGUAGES = { en: "English", ko: "한국어" };

/** Gives the language chosen before, or the first of the browser's that there is. @returns {Language} */
export function rememberedLanguage() {
  const wanted = [localStorage.getItem(PLACE) ?? "", ...navigator.languages];
  const known = wanted.map((tag) => tag.slice(0, 2)).find((tag) => tag in LANGUAGES);
  return /** @type {Language} */ (known ?? "en");
}

/**
 * Speaks a language from now on, and fills the page's own texts with it.
 * @param {Language} language
 */
export async function speakLanguage(language) {
  const parts = await Promise.all(
    CHAPTERS.map((chapter) => import(`./strings/${chapter}.${language}.js`)),
  );
  speak(Object.assign({}, ...parts.map((part) => part.default)));
  document.documentElement.lang = language;
  fillTexts(document);
}

/** @param {Language} language */
export function rememberLanguage(language) {
  localStorage.setItem(PLACE, language);
}

/**
 * Gives a text of the language, with `{name}` replaced by its value.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function text(key, values) {
  return spoken(/** @type {any} */ (key), values);
}
