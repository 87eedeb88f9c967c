/**
 * A safetensors message: a header in JSON that names the tensors, then their bytes.
 */

import { Tensor } from "./tensor.js";

const LENGTH_BYTES = 8;

/**
 * Gives a message's tensors by their names in it, and its metadata.
 * @param {ArrayBuffer} message
 * @returns {{tensors: Record<string, Tensor>, metadata: Record<string, any>}} the metadata parsed
 */
export function readMessage(message) {
  const length = Number(new DataView(message).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(message, LENGTH_BYTES, length)));
  const metadata = Object.fromEntries(
    Object.entries(header.__metadata__ ?? {}).map(([name, value]) => [name, parsed(value)]),
  );
  delete header.__metadata__;
  /** @type {Record<string, Tensor>} */
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries(header)) {
    const start = LENGTH_BYTES + length;
    const bytes = message.slice(start + from, start + to); // aligned, and free of the rest
    tensors[name] = new Tensor(shape, numbers(bytes, dtype, metadata.quantization?.[name]), dtype);
  }
  return { tensors, metadata };
}

/** @param {string} value */
function parsed(value) {
  return /^[[{]/.test(value) ? JSON.parse(value) : value;
}

/**
 * @param {ArrayBuffer} bytes
 * @param {string} dtype
 * @param {{scale: number, minimum: number} | undefined} quantization
 */
function numbers(bytes, dtype, quantization) {
  if (dtype === "F32") return new Float32Array(bytes);
  if (dtype === "F16") return Float32Array.from(new Uint16Array(bytes), half);
  const levels = new Uint8Array(bytes);
  if (!quantization) return levels;
  const { scale, minimum } = quantization;
  return Float32Array.from(levels, (level) => minimum + scale * level);
}

/**
 * Gives the value of a number of IEEE 754 in 16 bits.
 * @param {number} bits
 */
function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const [exponent, fraction] = [(bits >> 10) & 0x1f, bits & 0x3ff];
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
