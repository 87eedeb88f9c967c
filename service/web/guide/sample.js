/**
 * The drawn samples, by name.
 */

import { readPicture } from "../picture.js";
import { SAMPLES, encodeSample } from "../samples.js";
import { text } from "./text.js";

/**
 * Gives the sample of a name, or the first.
 * @param {string | null} name
 * @returns {{name: string, picture: () => Promise<import("../picture.js").Picture>}}
 */
export function sampleNamed(name) {
  const sample = SAMPLES.find((one) => nameOf(one) === name) ?? SAMPLES[0];
  return {
    name: nameOf(sample),
    picture: async () => readPicture(await encodeSample(sample), text(sample.title)),
  };
}

/** @param {{title: string}} sample */
export function nameOf({ title }) {
  return title.replace("sample_", "");
}
