/**
 * What is marked in a drawing of tokens: the pinned patch, the class token and the registers.
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
      const kind = at === 0 ? "class" : "register";
      markers.push({ at, kind, label: text(`mark_${kind}`, { register: at }) });
    }
  }
  return [...markers, { at: mine, kind: "mine", label: text("mark_mine", { patch: view.patch }) }];
}
