/**
 * The steps of the chapter "answer".
 */

/** @type {import("../step.js").Step[]} */
export default [];
