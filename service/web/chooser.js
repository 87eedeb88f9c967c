/**
 * Where a picture comes from: a file, the camera, a drop, a paste or a sample.
 */

import { byId, make } from "./element.js";
import { readPicture } from "./picture.js";
import { Problem } from "./problem.js";
import { SAMPLES, drawSample, encodeSample } from "./samples.js";
import { text } from "./strings.js";

/** @typedef {import("./picture.js").Picture} Picture */
/** @typedef {import("./samples.js").Sample} Sample */
/** @typedef {import("./strings.js").TextName} TextName */

const THUMBNAIL_SIDE = 128; // pixels, twice what is shown

/**
 * Listens to every way of choosing a picture. The picture is promised at once, so that its order
 * among other choices is known before it is read.
 * @param {{choose: (picture: Promise<Picture>, sample?: Sample) => void,
 *   fail: (problem: Problem) => void}} listener
 * @param {Sample[]} samples
 */
export function listenForPictures({ choose, fail }, samples = SAMPLES) {
  /** @param {File | undefined} file */
  const chooseFile = (file) => {
    if (file) choose(readPicture(file, file.name || text("pasted_name")));
  };
  openOnClick("choose-file", "file", chooseFile);
  openOnClick("take-photo", "camera", chooseFile);
  listenForDrops(chooseFile, fail);
  document.addEventListener("paste", (event) => chooseFile(pictureFile(event.clipboardData)));
  byId("samples", HTMLUListElement).append(...samples.map((sample) => sampleItem(sample, choose)));
}

/**
 * @param {string} buttonId
 * @param {string} inputId
 * @param {(file: File | undefined) => void} chooseFile
 */
function openOnClick(buttonId, inputId, chooseFile) {
  const input = byId(inputId, HTMLInputElement);
  byId(buttonId, HTMLButtonElement).addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    chooseFile(input.files?.[0]);
    input.value = ""; // so that choosing the same file again is a change
  });
}

/**
 * @param {(file: File) => void} chooseFile
 * @param {(problem: Problem) => void} fail
 */
function listenForDrops(chooseFile, fail) {
  const veil = byId("veil", HTMLElement);
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    veil.hidden = false;
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) veil.hidden = true;
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    veil.hidden = true;
    const file = pictureFile(event.dataTransfer) ?? event.dataTransfer?.files[0];
    if (file) chooseFile(file);
    else fail(noPicture());
  });
}

function noPicture() {
  const detail = text("problem_no_picture_detail");
  return new Problem(text("problem_no_picture"), detail, { mayPass: false });
}

/**
 * @param {DataTransfer | null} transfer
 * @returns {File | undefined}
 */
function pictureFile(transfer) {
  return [...(transfer?.files ?? [])].find((file) => file.type.startsWith("image/"));
}

/**
 * @param {Sample} sample
 * @param {(picture: Promise<Picture>, sample: Sample) => void} choose
 * @returns {HTMLLIElement}
 */
function sampleItem(sample, choose) {
  const drawing = drawSample(sample, THUMBNAIL_SIDE);
  drawing.setAttribute("aria-hidden", "true");
  const name = make("span", "", text(/** @type {TextName} */ (sample.title)));
  name.dataset.text = sample.title; // where the language may change
  const button = make("button", "sample", drawing, name);
  button.type = "button";
  button.addEventListener("click", () => {
    choose(readSample(sample), sample);
  });
  return make("li", "", button);
}

/**
 * Reads a sample as if it had been chosen as a file.
 * @param {Sample} sample
 * @returns {Promise<Picture>}
 */
export async function readSample(sample) {
  return readPicture(await encodeSample(sample), text(/** @type {TextName} */ (sample.title)));
}
