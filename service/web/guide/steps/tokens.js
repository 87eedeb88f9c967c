/**
 * The steps of the chapter "tokens".
 */

/** @type {import("../step.js").Step[]} */
export default [];
