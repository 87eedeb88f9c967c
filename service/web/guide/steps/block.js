/**
 * The steps of the chapter "block".
 */

/** @type {import("../step.js").Step[]} */
export default [];
