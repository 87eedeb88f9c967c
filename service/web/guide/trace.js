/**
 * The values of one model on one picture: asked for once, then kept.
 */

import { trace as askTrace } from "../api.js";
import { readMessage } from "./message.js";
import { asksOf, entryOf, keyOf, slicesOf } from "./slices.js";

/**
 * @typedef {import("./step.js").Needs} Needs
 * @typedef {import("./slices.js").Slice} Slice
 * @typedef {import("./tensor.js").Tensor} Tensor
 * @typedef {{layer: number, head: number}} Place
 * @typedef {{slice: Slice, promise: Promise<Tensor>, resolve: (tensor: Tensor) => void,
 *   reject: (error: unknown) => void, waiting: number, asked: Asked | null}} Coming
 * @typedef {{controller: AbortController, coming: Coming[]}} Asked
 */

const MOST_KEPT = 192 * 2 ** 20; // bytes
const FIRST_PLACE = { layer: 0, head: 0 };

/**
 * Keeps every value that came, and asks for none twice. What is wanted in one tick is asked
 * together, and given up when nobody waits for it any more.
 */
export class Trace {
  /** @type {Map<string, Tensor>} the longest unused first */
  #kept = new Map();
  #keptBytes = 0;
  /** @type {Map<string, Coming>} */
  #coming = new Map();
  /** The model's sizes, by which what is asked at once is limited. @type {import("./slices.js").Sizes | undefined} */
  sizes;
  /** What the last message said besides: image, crop box, architecture. @type {Record<string, any>} */
  metadata = {};

  /**
   * @param {Blob} picture
   * @param {{name: string, version: string}} model
   */
  constructor(picture, model) {
    this.picture = picture;
    this.model = model;
  }

  /**
   * Gives the values needed, or null unless all are kept.
   * @param {Needs} needs
   * @param {Place} [place] layer and head of the view
   * @returns {Record<string, Tensor> | null}
   */
  kept(needs, place = FIRST_PLACE) {
    const slices = slicesOf(needs, place);
    if (slices.some((slice) => !this.#kept.has(keyOf(slice)))) return null;
    return Object.fromEntries(slices.map((slice) => [slice.as, this.#use(keyOf(slice))]));
  }

  /**
   * Gives the values needed, and asks for those that are not kept.
   * @param {Needs} needs
   * @param {Place} [place]
   * @param {AbortSignal} [signal] ends the waiting
   * @returns {Promise<Record<string, Tensor>>}
   */
  async fetch(needs, place = FIRST_PLACE, signal) {
    signal?.throwIfAborted();
    const slices = slicesOf(needs, place);
    const tensors = await Promise.all(slices.map((slice) => this.#get(slice, signal)));
    signal?.throwIfAborted();
    return Object.fromEntries(slices.map(({ as }, index) => [as, tensors[index]]));
  }

  /**
   * @param {Slice} slice
   * @param {AbortSignal} [signal]
   * @returns {Promise<Tensor> | Tensor}
   */
  #get(slice, signal) {
    const key = keyOf(slice);
    if (this.#kept.has(key)) return this.#use(key);
    const coming = this.#coming.get(key) ?? this.#want(slice);
    coming.waiting += 1;
    signal?.addEventListener("abort", () => this.#leave(coming), { once: true });
    return coming.promise;
  }

  /** @param {Slice} slice @returns {Coming} */
  #want(slice) {
    const isFirst = ![...this.#coming.values()].some(({ asked }) => asked === null);
    if (isFirst) setTimeout(() => this.#ask());
    const [promise, resolve, reject] = promised();
    promise.catch(() => {}); // told to those who wait, if any
    const coming = { slice, promise, resolve, reject, waiting: 0, asked: null };
    this.#coming.set(keyOf(slice), coming);
    return coming;
  }

  #ask() {
    const wanted = [...this.#coming.values()].filter(({ asked }) => asked === null);
    for (const coming of wanted.filter(({ waiting }) => waiting <= 0)) this.#forget(coming);
    const bySlice = new Map(
      wanted.filter(({ waiting }) => waiting > 0).map((coming) => [coming.slice, coming]),
    );
    for (const { slices, parameters } of asksOf([...bySlice.keys()], this.sizes)) {
      const coming = slices.map((slice) => /** @type {Coming} */ (bySlice.get(slice)));
      this.#send(coming, parameters);
    }
  }

  /**
   * @param {Coming[]} coming
   * @param {Record<string, string>} parameters
   */
  async #send(coming, parameters) {
    const asked = { controller: new AbortController(), coming };
    for (const one of coming) one.asked = asked;
    const { name: model, version } = this.model;
    const all = { model, version, ...parameters };
    try {
      const { tensors, metadata } = readMessage(await askTrace(this.picture, all, asked.controller.signal));
      this.metadata = metadata;
      for (const { slice, resolve } of coming) {
        this.#keep(keyOf(slice), tensors[entryOf(slice)]);
        resolve(tensors[entryOf(slice)]);
      }
    } catch (error) {
      for (const { reject } of coming) reject(error);
    } finally {
      for (const one of coming) this.#forget(one);
    }
  }

  /** @param {Coming} coming */
  #leave(coming) {
    coming.waiting -= 1;
    const { asked } = coming;
    if (!asked || asked.coming.some(({ waiting }) => waiting > 0)) return;
    asked.controller.abort();
    for (const one of asked.coming) this.#forget(one); // so that who wants it next asks anew
  }

  /** @param {Coming} coming */
  #forget(coming) {
    const key = keyOf(coming.slice);
    if (this.#coming.get(key) === coming) this.#coming.delete(key);
  }

  /**
   * @param {string} key
   * @param {Tensor} tensor
   */
  #keep(key, tensor) {
    this.#kept.set(key, tensor);
    this.#keptBytes += tensor.data.byteLength;
    for (const [oldest, { data }] of this.#kept) {
      if (this.#keptBytes <= MOST_KEPT || oldest === key) break;
      this.#kept.delete(oldest);
      this.#keptBytes -= data.byteLength;
    }
  }

  /** @param {string} key @returns {Tensor} */
  #use(key) {
    const tensor = /** @type {Tensor} */ (this.#kept.get(key));
    this.#kept.delete(key); // to the end: used last
    this.#kept.set(key, tensor);
    return tensor;
  }
}

/** @returns {[Promise<Tensor>, (tensor: Tensor) => void, (error: unknown) => void]} */
function promised() {
  /** @type {(tensor: Tensor) => void} */
  let resolve = () => {};
  /** @type {(error: unknown) => void} */
  let reject = () => {};
  const promise = new Promise((onKept, onBroken) => {
    [resolve, reject] = [onKept, onBroken];
  });
  return [/** @type {Promise<Tensor>} */ (promise), resolve, reject];
}
