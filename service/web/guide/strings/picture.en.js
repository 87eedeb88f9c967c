/** The chapter "picture": steps 0 to 2. */
export default {
  step0_title: "Learning from labelled pictures",
  step0_text: "This model learned from many pictures, each with its label. Now it meets yours, whose label it was never told.",
  step1_title: "One picture",
  step1_text: "We follow one picture, a batch of one. It is resized and cropped to the size that the model was trained on.",
  step2_title: "Cut into patches",
  step2_text: "The picture is cut into equal square patches. Pick one: it stays yours through every step.",
};
