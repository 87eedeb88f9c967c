/**
 * The line that says which model answers.
 */

import { byId } from "./element.js";
import { text } from "./strings.js";

const DIGEST_SHOWN = 8; // characters

/**
 * Names a model and, after an answer, how long it took.
 * @param {import("./api.js").ModelIdentity} model
 * @param {import("./api.js").Timing} [timing]
 */
export function showIdentity({ name, version, digest }, timing) {
  byId("model-name", HTMLElement).textContent = text("model_name", { name });
  byId("model-version", HTMLElement).textContent = text("model_version", { version });
  const short = digest.replace(/^sha256:/, "").slice(0, DIGEST_SHOWN);
  const shown = byId("model-digest", HTMLElement);
  shown.textContent = text("model_digest", { digest: short });
  shown.title = digest;
  byId("answered", HTMLElement).textContent = timing
    ? text("answered", { milliseconds: Math.round(timing.total) })
    : "";
}
