/**
 * Numbers with a shape, as the server sent them.
 */

/** Keeps the shape and the numbers in agreement: row by row, the last axis varies fastest. */
export class Tensor {
  /**
   * @param {number[]} shape
   * @param {Float32Array | Uint8Array} data
   * @param {string} [dtype] that it travelled in: F32, F16 or U8
   */
  constructor(shape, data, dtype = "F32") {
    const count = shape.reduce((product, side) => product * side, 1);
    if (data.length !== count) throw new Error(`shape ${shape} does not hold ${data.length} numbers`);
    this.shape = shape;
    this.data = data;
    this.dtype = dtype;
  }

  /**
   * Gives one number.
   * @param {...number} index one for each axis
   */
  at(...index) {
    return this.data[this.#offset(index)];
  }

  /**
   * Gives a view of the last axis, as many indices as there are axes before it.
   * @param {...number} index
   * @returns {Float32Array | Uint8Array}
   */
  row(...index) {
    const width = this.shape[this.shape.length - 1];
    const start = this.#offset([...index, 0]);
    return this.data.subarray(start, start + width);
  }

  /**
   * Gives a view of one part of the first axis: a matrix of a pile of matrices.
   * @param {number} index
   * @returns {Tensor}
   */
  part(index) {
    const shape = this.shape.slice(1);
    const size = this.data.length / this.shape[0];
    return new Tensor(shape, this.data.subarray(index * size, (index + 1) * size), this.dtype);
  }

  /** Gives the smallest and the largest number. @returns {[number, number]} */
  get range() {
    let [least, most] = [Infinity, -Infinity];
    for (const value of this.data) {
      if (value < least) least = value;
      if (value > most) most = value;
    }
    return [least, most];
  }

  /** @param {number[]} index */
  #offset(index) {
    return index.reduce((offset, at, axis) => offset * this.shape[axis] + at, 0);
  }
}
