/**
 * The steps of the chapter "attention".
 */

/** @type {import("../step.js").Step[]} */
export default [];
