/** The steps that turn patches into tokens. */

import step3 from "./step-3.js";
import step4 from "./step-4.js";
import step5 from "./step-5.js";
import step6 from "./step-6.js";
import step7 from "./step-7.js";
import step8 from "./step-8.js";

/** @type {import("../step.js").Step[]} */
export default [step3, step4, step5, step6, step7, step8];
