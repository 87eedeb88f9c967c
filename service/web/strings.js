/**
 * Every text of the page, by name. Another language, or another page, is another dictionary.
 */

export const ENGLISH = {
  page_title: "Vitrine: what a Vision Transformer sees",
  tagline: "See what a Vision Transformer sees",
  api_link: "API",
  guide_link: "Guide: 25 steps inside the model",
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

  map_for: "What speaks for “{label}”",
  map_against: "What speaks against “{label}”",
  map_both: "What speaks for and against “{label}”",
  map_versus: "Why “{label}” rather than “{versus}”",
  map_against_versus: "What speaks against “{label}” rather than “{versus}”",
  map_any: "Where the model looks",
  map_by: "Method: {method}",
  map_by_layer: "layer {layer}",
  map_by_head: "head {head}",
  map_mean: "mean of the heads",
  map_max: "strongest of the heads",
  map_min: "weakest of the heads",
  map_from_layer: "from layer {layer}",
  map_last: "last layer",
  map_none: "This model makes no maps",
  canvas_label: "Heatmap over the picture. Arrow keys move from patch to patch.",
  readout_hint: "Point at a patch, or use the arrow keys, to read its score.",
  readout: "Row {row} of {rows}, column {column} of {columns}: score {score}{side}, rank {rank} of {count}",
  speaks_for: ", speaks for",
  speaks_against: ", speaks against",
  speaks_neither: ", speaks neither way",
  scale: "Score",
  scale_alpha: "Colours from {min} (clear) over {middle} (half grey) to {max} (yellow)",
  scale_blend: "Colours from {min} (dark blue) over {middle} (grey) to {max} (yellow)",
  scale_signed: "Colours from {min} (blue, speaks against) over {middle} to {max} (orange, speaks for)",
  end_against: "blue speaks against",
  end_for: "orange speaks for",
  completeness: "Completeness error {error}: what the scores' sum misses of the logit's change.",
  overlay: "Colours",
  overlay_alpha: "Follow the score",
  overlay_blend: "Cover all alike",
  strength: "Strength of the colours",
  cropped: "The model sees only the part inside the frame.",
  not_drawn: "This browser cannot show {format} pictures, so the map is drawn without it.",
  save_picture: "Save PNG",
  save_scores: "Save JSON",

  method_heading: "How to explain",
  method_legrad: "LeGrad",
  method_gradcam: "Grad-CAM",
  method_default: "default",
  method_cost: "Cost: {cost}.",
  method_delta: "Faithfulness on this model: {mean} ({low} to {high})",
  measured:
    "Faithfulness above 0 is better than chance; in brackets, its 95 % interval. Measured on {place}.",
  parameters: "What the method is asked",
  versus: "Rather than",
  versus_: "No other class",
  versus_likely: "{label}, {share}",
  versus_best: "Most probable",
  versus_all: "All classes",
  sign: "Evidence",
  sign_: "For the class",
  sign_negative: "Against the class",
  sign_both: "For and against",
  layer: "Layer",
  start_layer: "From layer",
  layer_value: "{layer} of 0 to {last}",
  head: "Head",
  head_: "All heads",
  head_single: "{head}",
  fusion: "Heads joined by",
  fusion_: "Their mean",
  fusion_max: "The strongest",
  fusion_min: "The weakest",

  faithfulness: "Is this map true?",
  faithfulness_hint:
    "Patches are taken away in the map's order, and the model is asked each time. If the map is true, the probability falls as soon as the most relevant patches go.",
  measure: "Measure how true this map is",
  measure_stop: "Stop measuring",
  measuring: "Measuring …",
  verdict_better:
    "“{label}” falls sooner when the most relevant patches go first: delta {delta}, the area between the curves. On one picture, a delta near 0 is no better than chance.",
  verdict_worse:
    "“{label}” does not fall sooner when the most relevant patches go first: delta {delta}, the area between the curves. This map is no better than chance.",
  verdict_against:
    "Delta {delta}, the area between the curves. This map shows what speaks against “{label}”, so where it is true, delta is below 0.",
  curve_chart:
    "Chart of the class's probability as patches are taken away in three orders. The table below has its numbers.",
  curve_label: "Probability of “{label}”",
  curve_axis: "Patches taken away",
  curve_removed: "Taken away",
  curve_most: "most relevant",
  curve_least: "least relevant",
  curve_random: "random",
  legend_most: "Most relevant first",
  legend_least: "Least relevant first",
  legend_random: "Random, mean of {count} orders",
  curve_table: "Show as table",
  comprehensiveness: "Comprehensiveness",
  comprehensiveness_meaning: "fall without the 10 % most relevant patches; the more, the better",
  sufficiency: "Sufficiency",
  sufficiency_meaning: "fall with those 10 % alone; the less, the better",
  removal: "Removal",
  removal_token: "patches' tokens are left out, as if they had never been there",

  model: "Model",
  model_name: "Model {name}",
  model_version: "version {version}",
  model_digest: "digest {digest}",
  answered: "answered in {milliseconds} ms",

  warning_constant_map: "All patches have the same score, so this map tells nothing apart.",
  warning_class_agnostic_method:
    "This method does not look at the class: its map is the same for every class.",
  warning_low_confidence:
    "The model is not sure: even its first class has less than half of the probability.",
  warning_high_norm_tokens:
    "Some patches hold what belongs to the whole picture. Where the map points at them, it may say little of that place.",
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
  key: "API key, kept until this tab is closed",
  key_use: "Use this key",
  try_again: "Try again",
  dismiss: "Dismiss",
};

/** @typedef {keyof typeof ENGLISH} TextName */

const PLACE = /\{(\w+)\}/g;

/** @type {Record<string, string>} */
let spoken = ENGLISH;

/**
 * Speaks the texts of a dictionary from now on, and English where it has none.
 * @param {Record<string, string>} dictionary
 */
export function speak(dictionary) {
  spoken = { ...ENGLISH, ...dictionary };
}

/**
 * Gives a text, with `{name}` replaced by its value.
 * @param {TextName} name
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function text(name, values = {}) {
  return (spoken[name] ?? name).replace(PLACE, (_, place) => String(values[place]));
}

/**
 * Says whether there is a text of this name.
 * @param {string} name
 * @returns {name is TextName}
 */
export function isText(name) {
  return Object.hasOwn(spoken, name);
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

/**
 * Gives a share in [0, 1] in percent.
 * @param {number} share
 * @param {number} [digits] after the point
 * @returns {string}
 */
export function percent(share, digits = 1) {
  return `${(share * 100).toFixed(digits)}%`;
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
