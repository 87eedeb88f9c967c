/**
 * Light, dark, or as the device has it.
 */

/** @typedef {"auto" | "light" | "dark"} Theme */

const PLACE = "vitrine-theme";

/** Gives the theme chosen before. @returns {Theme} */
export function rememberedTheme() {
  const theme = localStorage.getItem(PLACE);
  return theme === "light" || theme === "dark" ? theme : "auto";
}

/**
 * Wears a theme and remembers it.
 * @param {Theme} theme
 */
export function wearTheme(theme) {
  if (theme === "auto") {
    localStorage.removeItem(PLACE);
    delete document.documentElement.dataset.theme;
  } else {
    localStorage.setItem(PLACE, theme);
    document.documentElement.dataset.theme = theme;
  }
}

wearTheme(rememberedTheme()); // as early as can be, so that nothing flashes
