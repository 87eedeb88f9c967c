/**
 * Every text of the page, by name. A second language is a second dictionary with the same names.
 */

export const ENGLISH = {
  page_title: "Vitrine: what a Vision Transformer sees",
  tagline: "See what a Vision Transformer sees",
  api_link: "API",
  skip: "Skip to the result",

  choose_heading: "Show it a picture",
  choose_hint: "Drop a picture anywhere on this page, paste one, or choose a file.",
  choose_other: "Another picture: drop it, paste it, or choose it here.",
  choose_file: "Choose a picture",
  take_photo: "Take a photo",
  drop_here: "Drop the picture to see what the model sees",
  samples: "No picture at hand? Take a drawing:",
  sample_ship: "Ship",
  sample_plane: "Plane",
  sample_truck: "Truck",
  sample_frog: "Frog",
  privacy: "Pictures are answered and forgotten. Nothing is stored on the server.",
  pasted_name: "pasted picture",

  classes: "Classes",
  classes_hint: "Choose a class to see its own map.",
  classes_alike: "With another method, each class has a map of its own.",
  classes_best: "The {shown} most probable of {all} classes. Choose one to see its own map.",
  map_shown: "map shown",

  map: "Map",
  map_for: "What speaks for “{label}”",
  map_against: "What speaks against “{label}”",
  map_any: "Where the model looks",
  map_by: "Method: {method}",
  map_by_layer: "layer {layer}",
  map_by_head: "head {head}",
  map_mean: "mean of the heads",
  map_last: "last layer",
  map_none: "This model makes no maps",
  canvas_label: "Heatmap over the picture. Arrow keys move from patch to patch.",
  readout_hint: "Point at or touch the picture, or focus it and use the arrow keys, to read a patch.",
  readout: "Row {row} of {rows}, column {column} of {columns}: score {score}, rank {rank} of {count}",
  scale: "Score",
  scale_label: "Colours from {min} (dark blue) over {middle} (grey) to {max} (yellow)",
  opacity: "Opacity of the map",
  cropped: "The model sees only the part inside the frame.",
  not_drawn: "This browser cannot show {format} pictures, so the map is drawn without it.",
  save_picture: "Save PNG",
  save_scores: "Save JSON",

  method_heading: "How to explain",
  method: "Method",
  sign: "Evidence",
  sign_positive: "For the class",
  sign_negative: "Against the class",
  layer: "Layer",
  layer_last: "{layer} (last)",
  head: "Head",
  head_mean: "Mean of all heads",
  counted: "Layers and heads count from 0, as in the API.",

  model: "Model",
  model_name: "Model {name}",
  model_version: "version {version}",
  model_digest: "digest {digest}",
  answered: "answered in {milliseconds} ms",

  warning_constant_map: "All patches have the same score, so this map tells nothing apart.",
  warning_class_agnostic_method:
    "This method does not look at the class: its map is the same for every class.",
  warning_target_not_predicted:
    "This is not the class the model predicts. The map shows what would speak for it.",
  warning_against_not_predicted:
    "This is not the class the model predicts. The map shows what speaks against it.",

  busy: "Looking …",
  result: "{picture}: {label}, {share}. {map}.",
  saved: "Saved {file}.",

  problem_keeps: "The earlier result stays below.",
  problem_unreachable: "The server does not answer",
  problem_unreachable_detail:
    "The connection failed. Check that Vitrine is running and reachable, then try again.",
  problem_unreadable: "The answer cannot be read",
  problem_unreadable_detail: "The server answered with status {status}, but not as Vitrine does.",
  problem_no_model: "No model is ready",
  problem_no_model_detail: "The server is still loading its models. Try again in a moment.",
  problem_no_picture: "No picture in it",
  problem_no_picture_detail:
    "What you dropped holds no picture file. Save the picture first, then drop the file.",
  problem_page: "The page failed",
  try_again: "Try again",
  dismiss: "Dismiss",
};

/** @typedef {keyof typeof ENGLISH} TextName */

const PLACE = /\{(\w+)\}/g;

/**
 * Gives a text, with `{name}` replaced by its value.
 * @param {TextName} name
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function text(name, values = {}) {
  return ENGLISH[name].replace(PLACE, (_, place) => String(values[place]));
}

/**
 * Says whether there is a text of this name.
 * @param {string} name
 * @returns {name is TextName}
 */
export function isText(name) {
  return Object.hasOwn(ENGLISH, name);
}

/**
 * Fills what the markup leaves to the dictionary: `data-text` names an element's text and
 * `data-label` its accessible name.
 * @param {ParentNode} root
 */
export function fillTexts(root) {
  for (const element of root.querySelectorAll("[data-text]")) {
    element.textContent = text(named(element, "data-text"));
  }
  for (const element of root.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", text(named(element, "data-label")));
  }
}

/**
 * @param {Element} element
 * @param {string} attribute
 * @returns {TextName}
 */
function named(element, attribute) {
  const name = element.getAttribute(attribute) ?? "";
  if (!isText(name)) throw new Error(`${attribute}="${name}" is not in the dictionary`);
  return name;
}

const PERCENT = new Intl.NumberFormat("en", {
  style: "percent",
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});

/**
 * Gives a share in [0, 1] in percent.
 * @param {number} share
 * @returns {string}
 */
export function percent(share) {
  return PERCENT.format(share);
}

const SMALLEST_PLAIN = 1e-4;

/**
 * Gives a score with three significant digits; very small ones with an exponent.
 * @param {number} score
 * @returns {string}
 */
export function scoreText(score) {
  const isPlain = score === 0 || Math.abs(score) >= SMALLEST_PLAIN;
  return isPlain ? String(Number(score.toPrecision(3))) : score.toExponential(2);
}
