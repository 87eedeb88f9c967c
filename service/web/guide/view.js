/**
 * What is looked at, and its address after the `#`.
 */

/**
 * `patch` is the pinned one, 0 to n-1; `label` the class picked in steps 23 and 24; `cell` row and
 * column of what is focused in the drawing's main matrix; `sample` names the drawn sample that is
 * followed, or null for the visitor's own picture.
 * @typedef {{step: string, layer: number, head: number, patch: number, label: number | null,
 *   cell: [number, number] | null, sample: string | null}} View
 */

/** No patch is pinned yet: the one in the middle will be. @type {View} */
export const FIRST_VIEW = {
  step: "0", layer: 0, head: 0, patch: -1, label: null, cell: null, sample: null,
};

/**
 * Writes a view as the part of an address after the `#`.
 * @param {View} view
 * @returns {string}
 */
export function hashOf({ step, layer, head, patch, label, cell, sample }) {
  const said = { step, layer, head, patch, label, cell: cell?.join("."), sample };
  const parts = Object.entries(said).filter(([, value]) => value !== null && value !== undefined);
  return `#${parts.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join("&")}`;
}

/**
 * Reads what an address says of a view; what it does not say, or says wrongly, is left out.
 * @param {string} hash
 * @returns {Partial<View>}
 */
export function viewOf(hash) {
  const said = new URLSearchParams(hash.replace(/^#/, ""));
  /** @type {Partial<View>} */
  const view = {};
  const step = said.get("step");
  if (step) view.step = step;
  const sample = said.get("sample");
  if (sample) view.sample = sample;
  for (const name of /** @type {const} */ (["layer", "head", "patch", "label"])) {
    const value = said.get(name);
    if (value !== null && /^\d{1,6}$/.test(value)) view[name] = Number(value);
  }
  const cell = /^(\d{1,6})\.(\d{1,6})$/.exec(said.get("cell") ?? "");
  if (cell) view.cell = [Number(cell[1]), Number(cell[2])];
  return view;
}

/**
 * Brings a view within a model's sizes.
 * @param {View} view
 * @param {import("./facts.js").Facts} facts
 * @returns {View}
 */
export function withinModel(view, { architecture, labels }) {
  const { depth, heads, patches, rows, columns } = architecture;
  const middle = Math.floor((rows - 1) / 2) * columns + Math.floor((columns - 1) / 2);
  return {
    ...view,
    layer: Math.min(view.layer, depth - 1),
    head: Math.min(view.head, heads - 1),
    patch: view.patch < 0 ? middle : Math.min(view.patch, patches - 1),
    label: view.label !== null && view.label >= labels.length ? null : view.label,
  };
}
