/** The chapter "picture": steps 0 to 2. */
export default {
  step0_title: "Learning from labelled pictures",
  step0_text:
    "A model learns from many pictures, each with its right label: supervised training. Now your picture joins them as “?”. In 24 steps you will see how the model arrives at its answer.",
  step0_gallery: "Pictures with labels, and yours",
  step0_right: "{share} right",
  step0_yours: "yours: choose it",
  step0_drawings:
    "Drawings stand for the training pictures, which are not on this server. Below each label: how often the model is right about it on pictures that it never saw. Choose a drawing to follow it instead.",
  step0_labels: "The model knows {count} labels, among them: {labels}",
  step0_more: "and {count} more.",
  step0_images: "k images",
  step0_of_k: "their k labels",
  step0_dataset: "Learned from",
  step0_seen: "Pictures seen",
  step0_seen_value: "{seen}, that is every picture about {epochs} times",
  step0_test: "On pictures it never saw",
  step0_test_value: "right about {share} of {images}",

  step1_title: "One picture",
  step1_text:
    "We follow one picture: a batch of size 1. It is made as small as the model's input and cropped. Then each of a pixel's three numbers is centred and scaled.",
  step1_before: "Your picture: {width} × {height}, {format}",
  step1_after: "What the model sees: {width} × {height}",
  step1_original_label: "{name}, {width} by {height} pixels, with a frame around what the model sees",
  step1_pixels_label: "Pixels that the model sees",
  step1_shortest_edge: "The shorter edge becomes {shortest} pixels long; what is left over at both ends is cropped. Point at a pixel to find where it comes from.",
  step1_exact: "Both edges become {width} × {height} pixels. Point at a pixel to find where it comes from.",
  step1_pixel: "The pixel in row {row}, column {column}",
  step1_channel: "channel",
  step1_level: "level, 0 to 255",
  step1_normalized: "(level / 255 − mean) / deviation",
  step1_value: "what goes in",
  step1_red: "red",
  step1_green: "green",
  step1_blue: "blue",
  step1_pixels: "pixels after resizing and cropping",
  step1_batch: "a batch of one",

  step2_title: "Cut into patches",
  step2_text:
    "The picture is cut into equal squares, the patches. Their order is that of reading: row by row from the top left. Choose one: it stays yours through all steps.",
  step2_label: "The picture cut into patches",
  step2_row: "The same patches in their order",
  step2_row_label: "{count} patches in a row; yours is number {patch}",
  step2_pixels: "pixels",
  step2_grid: "rows × columns of patches",
  step2_patch: "one patch",
  step2_count: "{rows} × {columns} = {count} patches of {size} × {size} pixels",
  step2_formula:
    "row ⌊{patch} / {columns}⌋ · {size} = {top}, column ({patch} mod {columns}) · {size} = {left}: x[0, {top}, {left}] = p[{patch}, 0]",
};
