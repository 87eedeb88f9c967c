/**
 * What is marked in a drawing of tokens: the pinned patch, and the tokens that are no patches.
 */

/**
 * @typedef {"tokens" | "patches" | null | undefined} Axis what an axis of a matrix counts
 * @typedef {{at: number, kind: "mine" | "class" | "register", label: string}} Marker
 */

/**
 * Gives what to mark on an axis.
 * @param {import("./step.js").Scene} scene
 * @param {Axis} axis
 * @returns {Marker[]}
 */
export function markersOf(scene, axis) {
  if (!axis) return [];
  const { view, text, facts: { architecture } } = scene;
  const mine = axis === "tokens" ? architecture.tokenOf(view.patch) : view.patch;
  /** @type {Marker[]} */
  const markers = [];
  if (axis === "tokens") {
    for (let at = 0; at < architecture.prefix; at += 1) {
      const kind = architecture.kindOf(at);
      const label = text(`mark_${kind}`, { register: architecture.registerOf(at) });
      markers.push({ at, kind: kind === "class" ? "class" : "register", label });
    }
  }
  return [...markers, { at: mine, kind: "mine", label: text("mark_mine", { patch: view.patch }) }];
}
