/**
 * The colour maps: the same colours, and the same opacity, that the server draws with.
 */

/**
 * With `alpha` a colour is as opaque as its score is strong; with `blend` all are alike.
 * @typedef {"alpha" | "blend"} Overlay
 * @typedef {{min: number, max: number, signed: boolean}} Scale
 */

// Both at every 1/32 of their length, sRGB, from service/colormap.py, which says where they are from.
const CIVIDIS =
  "00224e 00285b 002e6a 053371 1a386f 273e6e 32436d 3b496c 434e6c 4b546c 535a6d 5a5f6e 61656f " +
  "686a71 6f7073 767676 7d7c78 838179 8b8778 928d78 9a9376 a29975 aaa073 b3a670 bbad6d c3b369 " +
  "ccba64 d4c15f ddc858 e6d051 efd748 f8df3c fee838";
const BLUE_ORANGE =
  "087dbb 0985c6 0a8cd0 2e93d5 469ad8 58a0db 68a7de 77aee1 85b5e4 92bce6 9fc3e9 accaeb b9d1ed " +
  "c6d8ef d2e0f0 dfe7f0 eeeeee f4e3d9 f5d9c7 f5cfb7 f4c5a7 f2bc98 f0b38a eca97b e9a06d e5975f " +
  "e18e52 dc8544 d77c36 d27428 cc6b17 c66303 bb5d02";

const TOP = 255; // the highest level
const MIDDLE = 128; // the first level above zero; both beside zero are neutral
const GRADIENT_STEPS = 32;

/**
 * Gives the level from 0 to 255 of a score; a constant map has the level of no evidence.
 * @param {number} score
 * @param {Scale} scale
 * @returns {number}
 */
export function levelOf(score, { min, max, signed }) {
  if (!(max > min)) return signed ? MIDDLE : 0;
  const share = Math.min(Math.max((score - min) / (max - min), 0), 1);
  return Math.floor(share * TOP + 0.5);
}

/**
 * Gives red, green, blue and opacity of every level, from 0 to 255.
 * @param {boolean} isSigned
 * @param {Overlay} overlay
 * @returns {number[][]}
 */
export function inksOf(isSigned, overlay) {
  const channels = (isSigned ? BLUE_ORANGE : CIVIDIS)
    .split(" ")
    .map((stop) => [0, 2, 4].map((at) => parseInt(stop.slice(at, at + 2), 16)));
  return Array.from({ length: TOP + 1 }, (_, level) => {
    const distance = level < MIDDLE ? level - MIDDLE + 1 : level - MIDDLE; // from zero
    const strength = isSigned ? Math.abs(distance) / (MIDDLE - 1) : level / TOP;
    const share = isSigned ? (distance / (MIDDLE - 1) + 1) / 2 : level / TOP;
    const place = share * (channels.length - 1);
    const low = Math.min(Math.floor(place), channels.length - 2);
    const color = channels[low].map((channel, index) =>
      Math.round(channel + (place - low) * (channels[low + 1][index] - channel)),
    );
    return [...color, overlay === "alpha" ? Math.round(strength * TOP) : TOP];
  });
}

/**
 * Gives a whole map as a CSS gradient, low scores first.
 * @param {boolean} isSigned
 * @param {Overlay} overlay
 * @returns {string}
 */
export function gradientOf(isSigned, overlay) {
  const inks = inksOf(isSigned, overlay);
  const stops = Array.from({ length: GRADIENT_STEPS + 1 }, (_, step) => {
    const [red, green, blue, opacity] = inks[Math.round((step / GRADIENT_STEPS) * TOP)];
    return `rgb(${red} ${green} ${blue} / ${(opacity / TOP).toFixed(3)})`;
  });
  return `linear-gradient(to right, ${stops.join(", ")})`;
}
