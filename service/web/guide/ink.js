/**
 * The colours that numbers are painted in, as light or dark as the page.
 */

import { inksOf } from "../colormap.js";

/**
 * @typedef {[number, number]} Range
 * @typedef {"query" | "key" | "value" | "red" | "green" | "blue"} Hue a colour of guide.css
 * @typedef {{colors: Uint8ClampedArray, level: (value: number) => number}} Ink
 */

const DARK = matchMedia("(prefers-color-scheme: dark)");
const LEVELS = 256;
const DARK_STOPS = [
  [138, 208, 255], [70, 150, 225], [38, 84, 130], [24, 31, 41], [128, 66, 24], [226, 122, 44], [255, 196, 132],
];

/** @type {Map<string, Uint8ClampedArray>} */
const palettes = new Map();

/** Whether the page is dark now. */
export function isDark() {
  const { theme } = document.documentElement.dataset;
  return theme ? theme === "dark" : DARK.matches;
}

/**
 * Gives the paint for numbers in a range: red, green and blue of every level, and the level of a number.
 * Signed ones are blue below zero, neutral at zero and orange above; or, with a hue, grey below and of
 * the hue above. Others run through cividis.
 * @param {boolean} isSigned
 * @param {Range} range
 * @param {Hue} [hue]
 * @returns {Ink}
 */
export function inkOf(isSigned, [least, most], hue) {
  const scale = most > least ? (LEVELS - 1) / (most - least) : 0;
  const middle = isSigned && scale === 0 ? LEVELS / 2 : 0;
  return {
    colors: paletteOf(isSigned, hue),
    level: (value) => {
      const level = (value - least) * scale + middle;
      return level <= 0 ? 0 : level >= LEVELS - 1 ? LEVELS - 1 : Math.round(level);
    },
  };
}

/**
 * Gives the colour of a band of features: each head has one of its own.
 * @param {number} band
 * @param {number} bands
 */
export function bandColor(band, bands) {
  return `hsl(${Math.round((band * 360) / bands + 200) % 360} 55% ${isDark() ? 62 : 45}%)`;
}

/**
 * Gives red, green and blue of a colour of the theme.
 * @param {string} name such as "--card"
 * @returns {number[]}
 */
export function themeColor(name) {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const channels = getComputedStyle(probe).color.match(/[\d.]+/g) ?? [];
  probe.remove();
  return channels.slice(0, 3).map(Number);
}

/**
 * @param {boolean} isSigned
 * @param {Hue} [hue]
 */
function paletteOf(isSigned, hue) {
  const name = `${isSigned} ${hue} ${isDark()}`;
  const known = palettes.get(name) ?? Uint8ClampedArray.from(stopsOf(isSigned, hue).flatMap((stop) => stop.slice(0, 3)));
  palettes.set(name, known);
  return known;
}

/**
 * @param {boolean} isSigned
 * @param {Hue} [hue]
 */
function stopsOf(isSigned, hue) {
  if (!hue) return isSigned && isDark() ? blended(DARK_STOPS) : inksOf(isSigned, "blend");
  const [paper, color, grey] = ["--card", `--${hue}`, "--edge"].map(themeColor);
  return blended(isSigned ? [grey, paper, color] : [paper, color]);
}

/** @param {number[][]} stops */
function blended(stops) {
  return Array.from({ length: LEVELS }, (_, level) => {
    const place = (level / (LEVELS - 1)) * (stops.length - 1);
    const low = Math.min(Math.floor(place), stops.length - 2);
    return stops[low].map((channel, index) => channel + (place - low) * (stops[low + 1][index] - channel));
  });
}

/**
 * Gives the range to paint numbers in: around zero alike where they are signed.
 * @param {ArrayLike<number>} values
 * @param {boolean} isSigned
 * @returns {Range}
 */
export function rangeOf(values, isSigned) {
  let [least, most] = [Infinity, -Infinity];
  for (let at = 0; at < values.length; at += 1) {
    if (values[at] < least) least = values[at];
    if (values[at] > most) most = values[at];
  }
  if (!isSigned) return [Math.min(least, 0), most];
  const size = Math.max(Math.abs(least), Math.abs(most));
  return [-size, size];
}

/**
 * Gives a CSS gradient from the lowest to the highest number.
 * @param {boolean} isSigned
 * @param {Hue} [hue]
 */
export function gradientOf(isSigned, hue) {
  const colors = paletteOf(isSigned, hue);
  const stops = Array.from({ length: 17 }, (_, step) => {
    const at = Math.round((step / 16) * (LEVELS - 1)) * 3;
    return `rgb(${colors[at]} ${colors[at + 1]} ${colors[at + 2]})`;
  });
  return `linear-gradient(to right, ${stops.join(", ")})`;
}
