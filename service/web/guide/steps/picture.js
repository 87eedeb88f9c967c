/**
 * The steps of the chapter "picture".
 */

import step0 from "./step-0.js";
import step1 from "./step-1.js";
import step2 from "./step-2.js";

/** @type {import("../step.js").Step[]} */
export default [step0, step1, step2];
