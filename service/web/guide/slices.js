/**
 * The parts that values are asked and kept in, and how few requests get them.
 */

/** @typedef {import("./step.js").Needs} Needs */

/**
 * One tensor of the whole model, of a layer, or of a layer's head; of a weight perhaps some rows.
 * `as` is what the one who needs it calls it.
 * @typedef {{name: string, as: string, layer?: number, head?: number, units?: number[],
 *   dtype?: string}} Slice
 * @typedef {{slices: Slice[], parameters: Record<string, string>}} Ask
 * @typedef {{tokens: number, width: number, heads: number}} Sizes
 */

const MOST_BYTES = 12 * 2 ** 20; // of a request; the server gives 16 MiB
/** @type {Record<string, number>} */
const BYTES = { f32: 4, f16: 2, u8: 1 };
const OF_THE_WHOLE = ["patch_embed_weight", "head_weight"];
const OF_A_HEAD = ["query_weight", "key_weight", "value_weight"];

/**
 * Gives the slices that needs are made of.
 * @param {Needs} needs
 * @param {{layer: number, head: number}} place
 * @returns {Slice[]}
 */
export function slicesOf(needs, place) {
  const { whole = [], layer = [], head = [], units = {} } = needs;
  const at = { ...place, ...needs.at };
  const names = { whole: [...whole], layer: [...layer], head: [...head] };
  for (const name of Object.keys(units)) {
    const scope = OF_THE_WHOLE.includes(name) ? "whole" : OF_A_HEAD.includes(name) ? "head" : "layer";
    if (!names[scope].includes(name)) names[scope].push(name);
  }
  const several = needs.layers || needs.heads;
  /** @param {string} name @param {number} [ofLayer] @param {number} [ofHead] @returns {Slice} */
  const slice = (name, ofLayer, ofHead) => {
    const one = { name, as: name, units: units[name], layer: ofLayer, head: ofHead, dtype: needs.dtype };
    return several ? { ...one, as: entryOf(one) } : one;
  };
  return [
    ...names.whole.map((name) => slice(name)),
    ...(needs.layers ?? [at.layer]).flatMap((one) => [
      ...names.layer.map((name) => slice(name, one)),
      ...(needs.heads ?? [at.head]).flatMap((two) => names.head.map((name) => slice(name, one, two))),
    ]),
  ];
}

/**
 * Names a slice's tensor as the message does.
 * @param {Pick<Slice, "name" | "layer" | "head">} slice
 */
export function entryOf({ name, layer, head }) {
  if (layer === undefined) return name;
  return head === undefined ? `layers.${layer}.${name}` : `layers.${layer}.heads.${head}.${name}`;
}

/**
 * Names a slice.
 * @param {Slice} slice
 */
export function keyOf(slice) {
  return `${entryOf(slice)}${slice.units ? `[${slice.units}]` : ""}${slice.dtype ? ` ${slice.dtype}` : ""}`;
}

/**
 * Joins slices into requests. Layers that want the same go together, since a request gives every
 * tensor of every layer and head that it names; but no more than the server answers at once.
 * @param {Slice[]} slices
 * @param {Sizes} [sizes] of the model, once they are known
 * @returns {Ask[]}
 */
export function asksOf(slices, sizes) {
  const alike = grouped(slices, ({ units, dtype }) => `${units ?? ""} ${dtype ?? ""}`);
  return alike.flatMap((some) => joined(some, sizes)).flatMap((ask) => split(ask, sizes));
}

/**
 * @param {Slice[]} alike in units and dtype
 * @param {Sizes} [sizes]
 * @returns {Ask[]}
 */
function joined(alike, sizes) {
  const whole = alike.filter(({ layer }) => layer === undefined);
  const layered = grouped(alike.filter(({ layer }) => layer !== undefined), ({ layer }) => String(layer));
  const asks = grouped(layered.flatMap(splitByHeads), signatureOf).map((parts) => parts.flat());
  if (asks.length === 0) return [askOf(whole)];
  return asks.map((part, index) => askOf(index === 0 ? [...whole, ...part] : part));
}

/**
 * Splits a request that is too large: by layers, then by heads, then by tensors.
 * @param {Ask} ask
 * @param {Sizes} [sizes]
 * @returns {Ask[]}
 */
function split(ask, sizes) {
  if (!sizes || bytesOf(ask.slices, sizes) <= MOST_BYTES) return [ask];
  const parts = [
    grouped(ask.slices, ({ layer }) => String(layer)),
    grouped(ask.slices, ({ head }) => String(head)),
    grouped(ask.slices, ({ name }) => name),
  ].find((one) => one.length > 1);
  if (!parts) return [ask];
  const half = Math.ceil(parts.length / 2);
  return [parts.slice(0, half), parts.slice(half)].flatMap((one) => split(askOf(one.flat()), sizes));
}

/**
 * Estimates what slices weigh in a message.
 * @param {Slice[]} slices
 * @param {Sizes} sizes
 */
function bytesOf(slices, { tokens, width, heads }) {
  return slices.reduce((sum, { name, units, head, dtype }) => {
    const isWide = /^(hidden|activation|fc1|fc2)/.test(name);
    const columns = /^(scores|attention)$/.test(name) ? tokens : head === undefined || /weight/.test(name) ? width : width / heads;
    const rows = units?.length ?? (/weight/.test(name) ? (head === undefined ? width : width / heads) : tokens);
    return sum + rows * columns * (isWide ? 4 : 1) * (BYTES[dtype ?? "f32"] ?? 4);
  }, 0);
}

/**
 * Splits what is wanted of a layer so that all heads of a part want the same.
 * @param {Slice[]} slices
 * @returns {Slice[][]}
 */
function splitByHeads(slices) {
  const ofLayer = slices.filter(({ head }) => head === undefined);
  const heads = grouped(slices.filter(({ head }) => head !== undefined), ({ head }) => String(head));
  const parts = grouped(heads, (one) => one.map(({ name }) => name).sort().join()).map((part) => part.flat());
  if (parts.length === 0) return [ofLayer];
  return parts.map((part, index) => (index === 0 ? [...ofLayer, ...part] : part));
}

/** @param {Slice[]} slices of one layer */
function signatureOf(slices) {
  return slices.map(({ name, head }) => `${name}@${head}`).sort().join();
}

/** @param {Slice[]} slices @returns {Ask} */
function askOf(slices) {
  /** @type {Record<string, string>} */
  const parameters = { tensors: listed(slices.map(({ name }) => name)) };
  const layers = listed(slices.map(({ layer }) => layer));
  const heads = listed(slices.map(({ head }) => head));
  if (layers) parameters.layers = layers;
  if (heads) parameters.heads = heads;
  if (slices[0].units) parameters.units = String(slices[0].units);
  if (slices[0].dtype) parameters.dtype = slices[0].dtype;
  return { slices, parameters };
}

/** @param {(string | number | undefined)[]} values */
function listed(values) {
  return [...new Set(values.filter((value) => value !== undefined))].join();
}

/**
 * @template Item
 * @param {Item[]} items
 * @param {(item: Item) => string} nameOf
 * @returns {Item[][]}
 */
function grouped(items, nameOf) {
  /** @type {Map<string, Item[]>} */
  const groups = new Map();
  for (const item of items) {
    const name = nameOf(item);
    groups.set(name, [...(groups.get(name) ?? []), item]);
  }
  return [...groups.values()];
}
