/**
 * A drawing in SVG that stands alone: what the page's styles give it is written into it.
 */

const PROPERTIES = [
  "fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "opacity",
  "font-family", "font-size", "font-weight", "text-anchor",
];

/**
 * Gives the source of an SVG element as it looks on the page.
 * @param {SVGSVGElement} svg
 * @returns {string}
 */
export function standaloneSvg(svg) {
  const copy = /** @type {SVGSVGElement} */ (svg.cloneNode(true));
  const { width, height } = svg.getBoundingClientRect();
  copy.setAttribute("width", String(width));
  copy.setAttribute("height", String(height));
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  const copies = [copy, ...copy.querySelectorAll("*")];
  [svg, ...svg.querySelectorAll("*")].forEach((element, index) => {
    const style = getComputedStyle(element);
    for (const name of PROPERTIES) copies[index].setAttribute(name, style.getPropertyValue(name));
    copies[index].removeAttribute("style"); // the page's policy would refuse it
  });
  return new XMLSerializer().serializeToString(copy);
}

/**
 * Gives an SVG element as an image.
 * @param {SVGSVGElement} svg
 * @returns {Promise<HTMLImageElement>}
 */
export async function imageOfSvg(svg) {
  const image = new Image();
  image.src = `data:image/svg+xml,${encodeURIComponent(standaloneSvg(svg))}`;
  await image.decode();
  return image;
}
