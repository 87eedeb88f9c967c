/**
 * Step 21: the same layer again and again, each with weights of its own.
 */

/** @type {import("../step.js").Step} */
export default { id: "21", byLayer: true, needs: () => ({}), draw: () => {}, shapes: () => [], check: () => null };
