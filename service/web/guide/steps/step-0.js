/**
 * Debug.
 */
import { matrix } from "../matrix.js";
import { vector } from "../vector.js";
import { dotProduct } from "../sum.js";
import { patchGrid } from "../patches.js";
export default {
  id: "0", byLayer: true, byHead: true,
  needs: () => ({ whole: ["embedded"], head: ["query", "key", "scores", "attention"] }),
  draw: (scene) => {
    const { tensors: { embedded, query, key, scores, attention }, facts: { architecture: a }, view } = scene;
    const t = a.tokenOf(view.patch), [i, j] = view.cell ?? [t, 3];
    scene.root.append(
      matrix(scene, { tensor: embedded, label: "X", caption: "X0", rows: "tokens", bands: a.heads, rowName: (i) => a.nameOfToken(i), columnName: (j) => `feature ${j}` }),
      matrix(scene, { tensor: scores, label: "S", rows: "tokens", columns: "tokens", focus: [i, j], onPick: (i, j) => scene.go({ cell: [i, j] }), rowName: (i) => a.nameOfToken(i), columnName: (j) => a.nameOfToken(j) }),
      matrix(scene, { tensor: attention, label: "A", signed: false, rows: "tokens", columns: "tokens", rowName: (i) => a.nameOfToken(i), columnName: (j) => a.nameOfToken(j) }),
      matrix(scene, { tensor: query, label: "Q", hue: "query", rows: "tokens", rowName: (i) => a.nameOfToken(i), columnName: (j) => `feature ${j}` }),
      vector(scene, { values: query.row(t), label: "q", name: (j) => `feature ${j}`, hue: "query" }),
      patchGrid(scene, { label: "heat", heat: attention.row(t).subarray(a.prefix) }),
      dotProduct(scene, { left: { name: "q", values: query.row(i) }, right: { name: "k", values: key.row(j) }, scale: 1 / 8, scaleName: "1/√64", total: scores.at(i, j) }),
    );
  },
  shapes: () => [],
  check: ({ tensors: { query, key, scores }, view }) => {
    const [i, j] = view.cell ?? [1, 3]; let s = 0; query.row(i).forEach((q, d) => { s += q * key.at(j, d); });
    return { formula: "q·k / √64", recomputed: s / 8, sent: scores.at(i, j) };
  },
};
