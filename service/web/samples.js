/**
 * Pictures for those who have none at hand, drawn in code on a square of 256 units.
 */

/** @typedef {import("./strings.js").TextName} TextName */
/** @typedef {CanvasRenderingContext2D} Pen */
/** @typedef {{title: string, draw: (pen: Pen) => void}} Sample */

const SIDE = 256;

/** @type {Sample[]} */
export const SAMPLES = [
  { title: "sample_ship", draw: drawShip },
  { title: "sample_plane", draw: drawPlane },
  { title: "sample_truck", draw: drawTruck },
  { title: "sample_frog", draw: drawFrog },
];

/**
 * Draws a sample on a canvas of its own.
 * @param {Sample} sample
 * @param {number} [side] in pixels
 * @returns {HTMLCanvasElement}
 */
export function drawSample(sample, side = SIDE) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const pen = canvas.getContext("2d");
  if (!pen) throw new Error("the browser gives no 2D canvas");
  pen.scale(side / SIDE, side / SIDE);
  sample.draw(pen);
  return canvas;
}

/**
 * Gives a sample as the bytes of a PNG.
 * @param {Sample} sample
 * @returns {Promise<Blob>}
 */
export function encodeSample(sample) {
  return new Promise((resolve, reject) => {
    drawSample(sample).toBlob((bytes) =>
      bytes ? resolve(bytes) : reject(new Error("the browser cannot encode PNG")),
    );
  });
}

/** @param {Pen} pen */
function drawShip(pen) {
  fade(pen, 0, 150, "#9cc7e6", "#eef4f3");
  fade(pen, 150, 256, "#2f6f96", "#123a5a");
  cloud(pen, 52, 46, 1);
  cloud(pen, 196, 34, 0.8);
  shape(pen, "#8c2f2b", [28, 160, 232, 160, 208, 190, 54, 190]);
  shape(pen, "#2c3440", [20, 136, 238, 136, 232, 162, 28, 162]);
  block(pen, "#f5f5f1", 76, 102, 116, 34);
  block(pen, "#e4e5e0", 98, 78, 70, 24);
  block(pen, "#c9473d", 122, 50, 20, 28);
  block(pen, "#2c3440", 122, 50, 20, 7);
  for (let at = 86; at < 184; at += 17) block(pen, "#41637d", at, 113, 9, 9);
  for (let at = 106; at < 160; at += 15) block(pen, "#41637d", at, 86, 8, 8);
  block(pen, "#59636e", 206, 84, 3, 52);
  for (let row = 0; row < 5; row += 1) {
    for (let at = (row * 23) % 40; at < SIDE; at += 58) {
      block(pen, "#ffffff40", at, 196 + row * 12, 30 - row * 2, 2.5);
    }
  }
}

/** @param {Pen} pen */
function drawPlane(pen) {
  fade(pen, 0, SIDE, "#3f8fcf", "#cfe6f4");
  cloud(pen, 44, 206, 1.4);
  cloud(pen, 206, 64, 1);
  cloud(pen, 214, 226, 1.1);
  pen.save();
  pen.translate(128, 130);
  pen.rotate(-0.16);
  shape(pen, "#b9c2cb", [-6, -6, 36, -62, 50, -62, 26, -4]);
  shape(pen, "#d7452f", [-100, -12, -114, -56, -94, -56, -68, -12]);
  ellipse(pen, "#f6f7f8", 0, 0, 108, 17);
  pen.save();
  pen.clip(ellipsePath(0, 0, 108, 17));
  block(pen, "#c3cbd3", -110, 6, 220, 14);
  pen.restore();
  shape(pen, "#9aa5b0", [-14, 6, 24, 6, -20, 72, -38, 72]);
  shape(pen, "#aab4be", [-96, 0, -72, 0, -98, 24, -112, 24]);
  ellipse(pen, "#5d6872", 2, 34, 15, 7);
  for (let at = -66; at < 76; at += 13) block(pen, "#35526b", at, -6, 6, 5);
  shape(pen, "#35526b", [84, -8, 96, -6, 100, -1, 84, -2]);
  pen.restore();
}

/** @param {Pen} pen */
function drawTruck(pen) {
  fade(pen, 0, 150, "#b8d6ea", "#f3f1e8");
  shape(pen, "#8da77a", [0, 150, 0, 112, 60, 96, 128, 116, 190, 98, 256, 114, 256, 150]);
  block(pen, "#6f8f5f", 0, 146, 256, 30);
  fade(pen, 176, SIDE, "#5a5f66", "#3d4147");
  for (let at = 8; at < SIDE; at += 56) block(pen, "#e9e4cf", at, 226, 32, 5);
  block(pen, "#e8e9e6", 22, 76, 138, 104);
  block(pen, "#cfd2cf", 22, 170, 138, 10);
  block(pen, "#d08a2c", 22, 116, 138, 14);
  shape(pen, "#b3372e", [164, 184, 164, 100, 204, 100, 224, 142, 238, 148, 238, 184]);
  shape(pen, "#bfe0ee", [174, 110, 198, 110, 212, 142, 174, 142]);
  block(pen, "#2b2f35", 16, 180, 226, 8);
  block(pen, "#f7e08a", 229, 156, 9, 11);
  for (const at of [56, 96, 204]) {
    ellipse(pen, "#1c1e22", at, 192, 20, 20);
    ellipse(pen, "#aeb4ba", at, 192, 9, 9);
  }
}

/** @param {Pen} pen */
function drawFrog(pen) {
  fade(pen, 0, SIDE, "#2f5d50", "#173a35");
  for (const [x, y, size] of [[36, 60, 30], [214, 44, 36], [226, 214, 26]]) {
    ellipse(pen, "#4c7d58", x, y, size, size * 0.5);
  }
  ellipse(pen, "#3f7a45", 128, 196, 118, 44);
  ellipse(pen, "#599a52", 128, 190, 116, 40);
  ellipse(pen, "#4f8f2f", 66, 168, 34, 28);
  ellipse(pen, "#4f8f2f", 190, 168, 34, 28);
  ellipse(pen, "#6cb33f", 128, 146, 66, 56);
  ellipse(pen, "#cfe3a1", 128, 170, 44, 30);
  ellipse(pen, "#79c148", 128, 108, 58, 40);
  for (const at of [92, 164]) {
    ellipse(pen, "#79c148", at, 78, 21, 21);
    ellipse(pen, "#f7f1c8", at, 76, 14, 14);
    ellipse(pen, "#16201a", at, 77, 7, 9);
  }
  pen.strokeStyle = "#2f5a1f";
  pen.lineWidth = 4;
  pen.lineCap = "round";
  pen.beginPath();
  pen.arc(128, 88, 42, 0.55, Math.PI - 0.55);
  pen.stroke();
  for (const at of [86, 170]) ellipse(pen, "#5aa035", at, 198, 24, 11);
}

/**
 * @param {Pen} pen
 * @param {number} top
 * @param {number} bottom
 * @param {string} from
 * @param {string} to
 */
export function fade(pen, top, bottom, from, to) {
  const gradient = pen.createLinearGradient(0, top, 0, bottom);
  gradient.addColorStop(0, from);
  gradient.addColorStop(1, to);
  pen.fillStyle = gradient;
  pen.fillRect(0, top, SIDE, bottom - top);
}

/**
 * @param {Pen} pen
 * @param {string} color
 * @param {number} left
 * @param {number} top
 * @param {number} width
 * @param {number} height
 */
export function block(pen, color, left, top, width, height) {
  pen.fillStyle = color;
  pen.fillRect(left, top, width, height);
}

/**
 * @param {Pen} pen
 * @param {string} color
 * @param {number[]} corners x and y in turn
 */
export function shape(pen, color, corners) {
  pen.fillStyle = color;
  pen.beginPath();
  for (let at = 0; at < corners.length; at += 2) pen.lineTo(corners[at], corners[at + 1]);
  pen.fill();
}

/**
 * @param {number} x
 * @param {number} y
 * @param {number} width
 * @param {number} height
 * @returns {Path2D}
 */
function ellipsePath(x, y, width, height) {
  const path = new Path2D();
  path.ellipse(x, y, width, height, 0, 0, 2 * Math.PI);
  return path;
}

/**
 * @param {Pen} pen
 * @param {string} color
 * @param {number} x
 * @param {number} y
 * @param {number} width
 * @param {number} height
 */
export function ellipse(pen, color, x, y, width, height) {
  pen.fillStyle = color;
  pen.fill(ellipsePath(x, y, width, height));
}

/**
 * @param {Pen} pen
 * @param {number} x
 * @param {number} y
 * @param {number} size
 */
export function cloud(pen, x, y, size) {
  for (const [dx, dy, radius] of [[-22, 4, 13], [0, -2, 18], [22, 4, 12]]) {
    ellipse(pen, "#ffffffd0", x + dx * size, y + dy * size, radius * size * 1.4, radius * size);
  }
}
