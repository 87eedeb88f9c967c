/**
 * The steps of the chapter "picture".
 */

import step2 from "./step-2.js";

/** @type {import("../step.js").Step[]} */
export default [step2];
