/**
 * A drawing of the page as one picture: its boxes, words, matrices and charts painted where they are.
 */

import { imageOfSvg } from "./svg.js";

const SCALE = 2; // pixels for each CSS pixel, at least
const MARGIN = 24; // CSS pixels
const CAPTION = 34;
const LEFT_OUT = "details, summary, .visually-hidden, button.quiet, [hidden]";
const FONT = "system-ui, sans-serif";

/**
 * Paints an element on a canvas, with a caption over it.
 * @param {HTMLElement} root
 * @param {string} caption
 * @returns {Promise<HTMLCanvasElement>}
 */
export async function pictureOf(root, caption) {
  const box = root.getBoundingClientRect();
  const scale = Math.max(SCALE, window.devicePixelRatio || 1);
  const canvas = document.createElement("canvas");
  canvas.width = Math.ceil((box.width + 2 * MARGIN) * scale);
  canvas.height = Math.ceil((box.height + 2 * MARGIN + CAPTION) * scale);
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const page = getComputedStyle(/** @type {Element} */ (root.closest(".step") ?? document.body));
  pen.scale(scale, scale);
  pen.fillStyle = page.backgroundColor;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = page.color;
  pen.font = `600 15px ${FONT}`;
  pen.fillText(caption, MARGIN, MARGIN + 12, box.width);
  pen.translate(MARGIN - box.left, MARGIN + CAPTION - box.top);
  pen.imageSmoothingEnabled = false;
  await paint(pen, root);
  return canvas;
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {Element} element
 */
async function paint(pen, element) {
  if (element.matches(LEFT_OUT) || !element.checkVisibility()) return;
  const style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  pen.save();
  pen.globalAlpha *= Number(style.opacity);
  if (element instanceof SVGSVGElement) {
    if (box.width > 0 && box.height > 0) pen.drawImage(await imageOfSvg(element), box.left, box.top, box.width, box.height);
  } else {
    paintBox(pen, box, style);
    if (element instanceof HTMLCanvasElement) {
      if (element.width > 0) pen.drawImage(element, box.left, box.top, box.width, box.height);
    } else if (element instanceof HTMLSelectElement) {
      write(pen, element.selectedOptions[0]?.text ?? "", { left: box.left + 10, top: box.top, height: box.height }, style);
    }
    if (style.overflow !== "visible") clip(pen, box);
    for (const child of element.childNodes) {
      if (child instanceof Text) paintText(pen, child, style);
      else if (child instanceof Element && !(element instanceof HTMLSelectElement)) await paint(pen, child);
    }
  }
  pen.restore();
}

/** @param {CanvasRenderingContext2D} pen @param {DOMRect} box */
function clip(pen, box) {
  pen.beginPath();
  pen.rect(box.left - 1, box.top - 1, box.width + 2, box.height + 2);
  pen.clip();
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {DOMRect} box
 * @param {CSSStyleDeclaration} style
 */
function paintBox(pen, { left, top, width, height }, style) {
  const radius = parseFloat(style.borderTopLeftRadius) || 0;
  // spread shadows and outlines are frames: the last one lies lowest
  for (const shadow of (style.boxShadow.match(/rgba?\([^)]*\)[^,]*/g) ?? []).reverse()) {
    const [dx, dy, blur, spread] = (shadow.replace(/rgba?\([^)]*\)/, "").match(/-?[\d.]+px/g) ?? []).map(parseFloat);
    if (blur || shadow.includes("inset")) continue;
    pen.fillStyle = shadow.match(/rgba?\([^)]*\)/)?.[0] ?? "";
    ring(pen, left, top, width, height, dx ?? 0, dy ?? 0, spread ?? 0);
  }
  pen.beginPath();
  pen.roundRect(left, top, width, height, radius);
  pen.fillStyle = gradient(pen, style.backgroundImage, left, width) ?? style.backgroundColor;
  pen.fill();
  for (const [side, x, y, wide, high] of /** @type {const} */ ([
    ["Top", left, top, width, 0], ["Bottom", left, top + height, width, 0],
    ["Left", left, top, 0, height], ["Right", left + width, top, 0, height],
  ])) {
    const thick = parseFloat(style[`border${side}Width`]);
    if (!thick) continue;
    pen.fillStyle = style[`border${side}Color`];
    pen.fillRect(x - (side === "Right" ? thick : 0), y - (side === "Bottom" ? thick : 0), wide || thick, high || thick);
  }
  if (style.outlineStyle !== "none" && !style.outlineStyle.includes("auto")) {
    pen.fillStyle = style.outlineColor;
    ring(pen, left, top, width, height, 0, 0, parseFloat(style.outlineWidth) + parseFloat(style.outlineOffset));
  }
}

/**
 * Paints what a shadow without blur shows beside its box.
 * @param {CanvasRenderingContext2D} pen
 * @param {number} left
 * @param {number} top
 * @param {number} width
 * @param {number} height
 * @param {number} dx
 * @param {number} dy
 * @param {number} spread
 */
function ring(pen, left, top, width, height, dx, dy, spread) {
  pen.beginPath();
  pen.rect(left + dx - spread, top + dy - spread, width + 2 * spread, height + 2 * spread);
  pen.rect(left, top, width, height);
  pen.fill("evenodd");
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {string} image as computed
 * @param {number} left
 * @param {number} width
 */
function gradient(pen, image, left, width) {
  if (!image.startsWith("linear-gradient(to right")) return null;
  const stops = image.match(/rgba?\([^)]*\)/g) ?? [];
  const paint = pen.createLinearGradient(left, 0, left + width, 0);
  stops.forEach((stop, index) => paint.addColorStop(index / Math.max(stops.length - 1, 1), stop));
  return paint;
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {Text} node
 * @param {CSSStyleDeclaration} style
 */
function paintText(pen, node, style) {
  if (!node.data.trim()) return;
  const range = document.createRange();
  for (const { 0: word, index } of node.data.matchAll(/\S+/g)) {
    range.setStart(node, index);
    range.setEnd(node, index + word.length);
    write(pen, word, range.getBoundingClientRect(), style);
  }
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {string} words
 * @param {{left: number, top: number, height: number}} box
 * @param {CSSStyleDeclaration} style
 */
function write(pen, words, { left, top, height }, style) {
  pen.font = `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  pen.fillStyle = style.color;
  const { fontBoundingBoxAscent: above, fontBoundingBoxDescent: below } = pen.measureText(words);
  pen.fillText(words, left, top + (height - above - below) / 2 + above);
}
