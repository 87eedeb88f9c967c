/**
 * Cividis, the colour map that reads the same with and without colour vision.
 */

// Nunez, Anderton and Renslow, PLoS ONE 2018, at every 1/32, sRGB; the server draws with the same.
const STOPS = (
  "00224e 00285b 002e6a 053371 1a386f 273e6e 32436d 3b496c 434e6c 4b546c 535a6d 5a5f6e 61656f " +
  "686a71 6f7073 767676 7d7c78 838179 8b8778 928d78 9a9376 a29975 aaa073 b3a670 bbad6d c3b369 " +
  "ccba64 d4c15f ddc858 e6d051 efd748 f8df3c fee838"
).split(" ");
const CHANNELS = STOPS.map((stop) => [0, 2, 4].map((at) => parseInt(stop.slice(at, at + 2), 16)));

/**
 * Gives the colour of a share in [0, 1].
 * @param {number} share
 * @returns {[number, number, number]} red, green and blue from 0 to 255
 */
export function cividis(share) {
  const place = Math.min(Math.max(share, 0), 1) * (CHANNELS.length - 1);
  const low = Math.min(Math.floor(place), CHANNELS.length - 2);
  /** @param {number} channel */
  const mixed = (channel) =>
    Math.round(
      CHANNELS[low][channel] + (place - low) * (CHANNELS[low + 1][channel] - CHANNELS[low][channel]),
    );
  return [mixed(0), mixed(1), mixed(2)];
}

/**
 * Gives the whole map as a CSS gradient, low scores first.
 * @returns {string}
 */
export function cividisGradient() {
  return `linear-gradient(to right, ${STOPS.map((stop) => `#${stop}`).join(", ")})`;
}
