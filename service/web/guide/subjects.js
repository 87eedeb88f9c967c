/**
 * More drawn samples, so that there is one for each class of CIFAR-10.
 */

import { SAMPLES, block, cloud, ellipse, fade, shape } from "../samples.js";

/** @typedef {CanvasRenderingContext2D} Pen */
/** @typedef {{name: string, labels: string[], title: string, draw: (pen: Pen) => void}} Subject */

const OTHER_LABELS = new Map([["plane", ["airplane"]], ["car", ["automobile"]]]);

/** Every sample there is; `labels` are the classes that it shows. @type {Subject[]} */
export const SUBJECTS = [
  ...SAMPLES.map(({ title, draw }) => subject(title.replace("sample_", ""), draw)),
  subject("car", drawCar),
  subject("bird", drawBird),
  subject("cat", drawCat),
  subject("deer", drawDeer),
  subject("dog", drawDog),
  subject("horse", drawHorse),
];

/**
 * Gives the sample of a name, or the first.
 * @param {string | null} name
 * @returns {Subject}
 */
export function subjectNamed(name) {
  return SUBJECTS.find((one) => one.name === name) ?? SUBJECTS[0];
}

/**
 * @param {string} name
 * @param {(pen: Pen) => void} draw
 * @returns {Subject}
 */
function subject(name, draw) {
  return { name, labels: [name, ...(OTHER_LABELS.get(name) ?? [])], title: `sample_${name}`, draw };
}

/** @param {Pen} pen */
function drawCar(pen) {
  fade(pen, 0, 150, "#a9cbe4", "#f0efe6");
  shape(pen, "#7f9c72", [0, 150, 0, 118, 70, 104, 150, 120, 256, 100, 256, 150]);
  fade(pen, 148, 256, "#70757b", "#474b51");
  block(pen, "#e6e2d0", 0, 226, 256, 4);
  ellipse(pen, "#2a2d31", 128, 204, 116, 10);
  shape(pen, "#c4271f", [62, 142, 92, 98, 168, 98, 202, 142]);
  shape(pen, "#cfe6f0", [76, 140, 97, 106, 126, 106, 126, 140]);
  shape(pen, "#b9d6e4", [132, 140, 132, 106, 163, 106, 187, 140]);
  shape(pen, "#d5342a", [14, 196, 14, 160, 30, 142, 210, 140, 238, 154, 244, 196]);
  block(pen, "#a51f19", 14, 178, 230, 6);
  block(pen, "#f5e6a0", 226, 158, 14, 10);
  block(pen, "#7c1712", 14, 158, 9, 10);
  block(pen, "#e9e9e6", 118, 154, 18, 4);
  for (const at of [66, 194]) {
    ellipse(pen, "#17191c", at, 194, 27, 27);
    ellipse(pen, "#c3c8cd", at, 194, 14, 14);
    ellipse(pen, "#6d747b", at, 194, 5, 5);
  }
}

/** @param {Pen} pen */
function drawBird(pen) {
  fade(pen, 0, 256, "#8fbf9a", "#cfe0b8");
  for (const [x, y, size] of [[40, 40, 46], [216, 60, 54], [230, 210, 44]]) ellipse(pen, "#7fb08a", x, y, size, size * 0.8);
  shape(pen, "#6b4a2f", [0, 212, 256, 196, 256, 210, 0, 228]);
  shape(pen, "#5a6f86", [52, 150, 8, 206, 26, 214, 84, 176]);
  ellipse(pen, "#4f79a8", 116, 142, 66, 44);
  ellipse(pen, "#e7a468", 136, 156, 46, 33);
  ellipse(pen, "#4f79a8", 178, 98, 34, 31);
  shape(pen, "#38597f", [64, 124, 128, 116, 146, 146, 104, 168, 50, 156]);
  shape(pen, "#e5b33c", [208, 92, 244, 102, 208, 110]);
  ellipse(pen, "#ffffff", 188, 90, 8, 8);
  ellipse(pen, "#15181c", 190, 90, 5, 5);
  for (const at of [118, 140]) block(pen, "#6d5136", at, 184, 4, 24);
}

/** @param {Pen} pen */
function drawCat(pen) {
  fade(pen, 0, 256, "#d9c7ad", "#b8997a");
  ellipse(pen, "#8c8279", 128, 258, 92, 78);
  shape(pen, "#8c8279", [58, 120, 54, 34, 112, 76]);
  shape(pen, "#8c8279", [198, 120, 202, 34, 144, 76]);
  shape(pen, "#d8a5a0", [68, 96, 66, 54, 98, 78]);
  shape(pen, "#d8a5a0", [188, 96, 190, 54, 158, 78]);
  ellipse(pen, "#9a9087", 128, 128, 78, 66);
  for (const at of [98, 122, 146]) shape(pen, "#5f574f", [at, 66, at + 12, 66, at + 8, 92, at + 4, 92]);
  ellipse(pen, "#eee7dd", 128, 160, 38, 26);
  for (const at of [96, 160]) {
    ellipse(pen, "#c9cf5a", at, 122, 17, 15);
    ellipse(pen, "#14160f", at, 122, 5, 13);
  }
  shape(pen, "#c9736f", [118, 146, 138, 146, 128, 158]);
  lines(pen, "#3c3630", 3, [[128, 158, 128, 170], [128, 170, 114, 176], [128, 170, 142, 176]]);
  lines(pen, "#f6f2ea", 2, [[100, 160, 40, 150], [100, 168, 42, 174], [156, 160, 216, 150], [156, 168, 214, 174]]);
}

/** @param {Pen} pen */
function drawDeer(pen) {
  fade(pen, 0, 130, "#b9cfa8", "#8fae78");
  fade(pen, 130, 256, "#8aa35c", "#5e7a3e");
  for (let at = 10; at < 256; at += 44) block(pen, "#5d5a3c", at, 0, 10, 132);
  ellipse(pen, "#a8713f", 106, 146, 66, 36);
  shape(pen, "#a8713f", [140, 150, 168, 74, 196, 82, 172, 160]);
  ellipse(pen, "#a8713f", 194, 78, 32, 17);
  ellipse(pen, "#5b3b22", 222, 82, 8, 7);
  shape(pen, "#8d5c32", [170, 68, 148, 50, 156, 76]);
  ellipse(pen, "#17120d", 196, 73, 4, 4);
  ellipse(pen, "#ece2cf", 44, 138, 12, 14);
  for (const at of [58, 82, 132, 152]) shape(pen, "#8d5c32", [at, 168, at + 13, 168, at + 8, 236, at + 2, 236]);
  lines(pen, "#5f452c", 5, [[180, 64, 166, 16], [174, 42, 150, 26], [188, 62, 202, 14], [196, 36, 218, 24]]);
  for (const [x, y] of [[78, 132], [98, 126], [120, 134], [92, 146]]) ellipse(pen, "#d9b58a", x, y, 4, 3);
}

/** @param {Pen} pen */
function drawDog(pen) {
  fade(pen, 0, 256, "#bcd3dd", "#8fb07c");
  ellipse(pen, "#b07a3c", 128, 250, 84, 74);
  ellipse(pen, "#c48a45", 128, 120, 68, 70);
  shape(pen, "#7d4f22", [70, 66, 36, 84, 30, 160, 58, 168, 76, 110]);
  shape(pen, "#7d4f22", [186, 66, 220, 84, 226, 160, 198, 168, 180, 110]);
  ellipse(pen, "#ead7b8", 128, 156, 42, 36);
  ellipse(pen, "#17130f", 128, 138, 17, 12);
  for (const at of [100, 156]) {
    ellipse(pen, "#f4eee4", at, 104, 11, 10);
    ellipse(pen, "#1d150d", at, 105, 8, 8);
  }
  lines(pen, "#3f2a15", 4, [[128, 150, 128, 166], [128, 166, 108, 172], [128, 166, 148, 172]]);
  ellipse(pen, "#d7767b", 128, 184, 12, 16);
}

/** @param {Pen} pen */
function drawHorse(pen) {
  fade(pen, 0, 140, "#a8cbe2", "#e6eee4");
  cloud(pen, 60, 40, 1);
  fade(pen, 138, 256, "#93b264", "#5f8340");
  shape(pen, "#3b2718", [46, 122, 18, 140, 12, 196, 30, 200, 46, 152]);
  ellipse(pen, "#7a4a2a", 108, 142, 70, 36);
  shape(pen, "#7a4a2a", [134, 140, 176, 58, 206, 76, 178, 168]);
  shape(pen, "#7a4a2a", [178, 52, 204, 56, 240, 104, 226, 118, 190, 92]);
  shape(pen, "#3b2718", [180, 42, 170, 62, 138, 122, 126, 112, 156, 60]);
  shape(pen, "#7a4a2a", [184, 56, 188, 34, 198, 54]);
  ellipse(pen, "#120d09", 206, 76, 4, 4);
  ellipse(pen, "#4c2d19", 230, 108, 9, 8);
  for (const at of [50, 76, 134, 156]) {
    shape(pen, "#6b4023", [at, 162, at + 18, 162, at + 12, 236, at + 3, 236]);
    block(pen, "#201711", at + 2, 232, 12, 10);
  }
}

/**
 * @param {Pen} pen
 * @param {string} color
 * @param {number} width
 * @param {number[][]} strokes from x and y to x and y
 */
function lines(pen, color, width, strokes) {
  pen.strokeStyle = color;
  pen.lineWidth = width;
  pen.lineCap = "round";
  pen.beginPath();
  for (const [fromX, fromY, toX, toY] of strokes) {
    pen.moveTo(fromX, fromY);
    pen.lineTo(toX, toY);
  }
  pen.stroke();
}
