/**
 * The steps of the chapter "attention".
 */

import step10 from "./step-10.js";
import step11 from "./step-11.js";
import step12 from "./step-12.js";
import step13 from "./step-13.js";
import step14 from "./step-14.js";
import step15 from "./step-15.js";
import step16 from "./step-16.js";
import step8b from "./step-8b.js";
import step9 from "./step-9.js";

/** @type {import("../step.js").Step[]} */
export default [step8b, step9, step10, step11, step12, step13, step14, step15, step16];
