/**
 * Elements of the document: found by id, or made.
 */

/**
 * Gives the element of an id, which must be of the type named.
 * @template {Element} Type
 * @param {string} id
 * @param {new () => Type} type
 * @returns {Type}
 */
export function byId(id, type) {
  const element = document.getElementById(id);
  if (element instanceof type) return element;
  throw new Error(`the page has no ${type.name} of id ${id}`);
}

/**
 * Makes an element with a class and what it holds.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} className
 * @param {...(Node | string)} content
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, className, ...content) {
  const element = document.createElement(tag);
  element.className = className;
  element.append(...content);
  return element;
}

/**
 * Makes a canvas of no size. One of its usual 300 pixels would push a narrow page wide until it is drawn.
 * @returns {HTMLCanvasElement}
 */
export function emptyCanvas() {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [0, 0];
  return canvas;
}

/**
 * Makes an element of a drawing.
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number>} attributes
 * @param {...(Node | string)} content
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function makeDrawn(tag, attributes, ...content) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...content);
  return element;
}

/**
 * Fills a select with options and chooses one of them.
 * @param {HTMLSelectElement} select
 * @param {{value: string, title: string}[]} options
 * @param {string} chosen
 */
export function fillSelect(select, options, chosen) {
  select.replaceChildren(...options.map(({ value, title }) => new Option(title, value)));
  select.value = chosen;
}
