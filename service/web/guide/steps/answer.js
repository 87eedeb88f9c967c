/**
 * The chapter of the answer: from the last layer's tokens to the loss.
 */

import step22b from "./step-22b.js";
import step22 from "./step-22.js";
import step23 from "./step-23.js";
import step24 from "./step-24.js";

export default [step22b, step22, step23, step24];
