/**
 * What a class rests on, painted on the picture, with the pinned patch's own score.
 */

import { make } from "../element.js";
import { methodTitle } from "../methods.js";
import { Problem } from "../problem.js";
import { explanations } from "./explained.js";
import { number, signed } from "./number.js";
import { patchGrid } from "./patches.js";

/**
 * @typedef {import("./step.js").Scene} Scene
 * @typedef {import("./explained.js").Asked} Asked
 * @typedef {import("./explained.js").Explained} Explained
 */

/**
 * @param {Scene} scene
 * @param {Asked} asked
 * @returns {HTMLElement} filled when the answer comes
 */
export function explanationOf(scene, asked) {
  const { facts, text, signal } = scene;
  if (!isExplainable(facts)) return make("p", "", text("step23_no_explanations"));
  const holder = make("div", "explanation", make("p", "muted", text("step23_looking")));
  const said = make("p", "visually-hidden");
  said.setAttribute("role", "status"); // the map's title alone, not all that comes with it
  const ask = () =>
    explanations.of(facts, asked).then(
      (found) => {
        if (signal.aborted) return;
        holder.replaceChildren(...drawn(scene, asked, found));
        said.textContent = titleOf(scene, asked, found);
      },
      (error) => signal.aborted || holder.replaceChildren(...refused(scene, error, ask)),
    );
  ask();
  return make("div", "", holder, said);
}

/** @param {import("./facts.js").Facts} facts */
function isExplainable({ contract }) {
  return Boolean(contract.graphs.explain && contract.graphs.attend);
}

/**
 * @param {Scene} scene
 * @param {Asked} asked
 * @param {Explained} found
 */
function drawn(scene, asked, found) {
  const { text } = scene;
  const { method, scale, scores } = found.explanation;
  const heat = Float32Array.from(scores.flat());
  const title = titleOf(scene, asked, found);
  const grid = patchGrid(scene, { heat, signed: scale.signed, label: title });
  const said = [make("h4", "", title), make("p", "muted", text("step23_method", { method: methodTitle(method.name) }))];
  if (!method.class_specific) said.push(make("p", "note", text("step23_any")));
  if (asked.versus !== null && !found.takesVersus) said.push(make("p", "note", text("step23_no_versus", { label: scene.facts.labels[asked.target] })));
  said.push(ownPatch(scene, heat, scale.signed));
  const colours = scale.signed ? "step23_colours" : method.class_specific ? "step23_heat" : "step23_heat_any";
  const most = number(Math.max(...heat.map(Math.abs)));
  said.push(make("p", "muted", text(colours, { most })));
  return [make("div", "explained-picture", grid), make("div", "explained-words", ...said)];
}

/**
 * @param {Scene} scene
 * @param {Asked} asked
 * @param {Explained} found
 */
function titleOf({ facts, text }, { target, versus }, { explanation, takesVersus }) {
  if (!explanation.method.class_specific) return text("step23_map_any");
  const label = facts.labels[target];
  if (versus !== null && takesVersus) return text("step23_map_versus", { label, versus: facts.labels[versus] });
  return text(explanation.scale.signed ? "step23_map_both" : "step23_map_for", { label });
}

/**
 * @param {Scene} scene
 * @param {Float32Array} heat
 * @param {boolean} isSigned
 */
function ownPatch({ facts, text, view }, heat, isSigned) {
  const score = heat[view.patch];
  const rank = heat.filter((other) => other > score).length + 1;
  const side = score > 0 ? "step23_for" : score < 0 ? "step23_against" : "step23_neither";
  const words = {
    patch: facts.architecture.nameOfPatch(view.patch),
    score: isSigned ? signed(score) : number(score),
    side: isSigned ? text(side) : "",
    rank,
    count: heat.length,
  };
  const said = make("p", "own-patch", text("step23_own", words));
  said.dataset.score = String(score);
  return said;
}

/**
 * @param {Scene} scene
 * @param {unknown} error
 * @param {() => void} again
 */
function refused({ text }, error, again) {
  const said = error instanceof Problem ? `${error.title}. ${error.detail}` : String(error);
  const button = make("button", "", text("step23_again"));
  button.type = "button";
  button.addEventListener("click", again);
  return [make("p", "note", said), button];
}
