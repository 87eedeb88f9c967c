/**
 * What a step of the guide is.
 */

/**
 * Which tensors are needed. `layer` ones are of the view's layer and `head` ones of its layer and
 * head, unless `at` says another; `units` names the rows that are needed of a weight. With `layers`
 * or `heads`, several of them are meant, and the tensors of layers are keyed as in the message:
 * "layers.0.output", "layers.0.heads.1.scores". `dtype` "f16" or "u8" travels lighter, where a
 * drawing needs no more.
 * @typedef {{whole?: string[], layer?: string[], head?: string[],
 *   units?: Record<string, number[]>, at?: {layer?: number, head?: number},
 *   layers?: number[], heads?: number[], dtype?: "f32" | "f16" | "u8"}} Needs
 *
 * @typedef {{name: string, what: string, shape: number[]}} Shape `what` is the key of a text
 *
 * One number, recomputed: `formula` is short text such as "q₂₇·k₃ / √64".
 * @typedef {{formula: string, recomputed: number, sent: number, tolerance?: number,
 *   terms?: {label: string, value: number}[]}} Check
 *
 * @typedef {object} Scene
 * @property {HTMLElement} root where the drawing goes; empty at first
 * @property {import("./view.js").View} view
 * @property {import("./facts.js").Facts} facts
 * @property {Record<string, import("./tensor.js").Tensor>} tensors by their plain names
 * @property {(change: Partial<import("./view.js").View>) => void} go changes the view
 * @property {(key: string, values?: Record<string, string | number>) => string} text
 * @property {(needs: Needs) => Promise<Record<string, import("./tensor.js").Tensor>>} fetch what a
 *   check or a part of a drawing needs besides
 * @property {boolean} isNew whether the step was just turned to, so that its drawing may move in
 * @property {AbortSignal} signal aborted when the step is left or drawn anew
 *
 * @typedef {object} Step
 * @property {string} id
 * @property {boolean} [byLayer] whether the layer slider acts here
 * @property {boolean} [byHead] whether the head slider does
 * @property {boolean} [keepsCell] whether the focused cell is not of the pinned patch, and stays with another
 * @property {(view: import("./view.js").View, facts: import("./facts.js").Facts) => Needs} needs
 * @property {(facts: import("./facts.js").Facts) => {title?: string, text: string} | null} [wording]
 *   names the texts that introduce the step, where the usual ones are not true of this model
 * @property {(scene: Scene) => void} draw builds the drawing into the scene's root; called anew
 *   when the view or the tensors change
 * @property {(scene: Scene) => Shape[]} shapes
 * @property {(scene: Scene) => Check | null | Promise<Check | null>} check recomputes one shown cell
 *   in float64 from the tensors sent
 */

export {};
