/**
 * How the page looks and speaks.
 */

import { byId, fillSelect } from "../element.js";
import { rememberedTheme, wearTheme } from "../theme.js";
import { LANGUAGES, rememberLanguage, rememberedLanguage, speakLanguage, text } from "./text.js";

/**
 * Speaks and wears what was chosen before, and listens to other choices.
 * @param {{rewrite: () => void, redraw: () => void}} listener told when words or colours changed
 */
export async function listenForSettings({ rewrite, redraw }) {
  const language = byId("language", HTMLSelectElement);
  const theme = byId("theme", HTMLSelectElement);
  const speak = async (/** @type {import("./text.js").Language} */ chosen) => {
    await speakLanguage(chosen);
    const themes = ["auto", "light", "dark"].map((value) => ({ value, title: text(`theme_${value}`) }));
    fillSelect(theme, themes, rememberedTheme());
    rewrite();
  };
  const languages = Object.entries(LANGUAGES).map(([value, title]) => ({ value, title }));
  fillSelect(language, languages, rememberedLanguage());
  language.addEventListener("change", () => {
    const chosen = /** @type {import("./text.js").Language} */ (language.value);
    rememberLanguage(chosen);
    speak(chosen);
  });
  theme.addEventListener("change", () => {
    wearTheme(/** @type {import("../theme.js").Theme} */ (theme.value));
    redraw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  await speak(rememberedLanguage());
}
