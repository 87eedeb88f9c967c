/**
 * The steps of the chapter "block".
 */

import step17 from "./step-17.js";
import step18 from "./step-18.js";
import step19 from "./step-19.js";
import step19b from "./step-19b.js";
import step20 from "./step-20.js";
import step21 from "./step-21.js";

/** @type {import("../step.js").Step[]} */
export default [step17, step18, step19b, step19, step20, step21];
