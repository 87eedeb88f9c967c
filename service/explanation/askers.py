"""How each method asks: the passes it needs of one picture, and the maps it makes of their outputs.

Each is a generator that runs nothing: it yields passes, is sent their outputs, and returns what it
found.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from service.contract import Contract
from service.engine import Arrays, Floats
from service.explanation.maps import attention_of_layer, attention_rollout, signed_relevance
from service.explanation.methods import MethodName
from service.explanation.passes import Mixture, Pass
from service.explanation.question import Question
from service.explanation.removal import PatchRemover, all_patches, baseline_picture, cut

ALWAYS = ("logits", "token_norms")
PATH_PASSES = 8


@dataclass(frozen=True)
class Found:
    """What a method finds: logits [C], the lengths of tokens [n], a map for each target."""

    logits: Floats
    token_norms: Floats
    scores: list[Floats]
    completeness_errors: list[float] | None = None


Exchange = Generator[list[Pass], list[Arrays], Found]
Asker = Callable[[Floats, Question, Contract], Exchange]


def _from_explain_graph(output: str) -> Asker:
    """Ask the explain graph once, for a method whose maps it gives as they are."""

    def asker(pixel_values: Floats, asked: Question, contract: Contract) -> Exchange:
        weights = asked.logit_weights(len(contract.labels))
        of_layers = output == "layer_evidence"
        wanted = Pass.explain(
            pixel_values,
            (*ALWAYS, output),
            logit_weights=weights[:0] if of_layers else weights,
            layer_weights=weights if of_layers else None,
        )
        (result,) = yield [wanted]
        scores = [scores.reshape(contract.architecture.grid) for scores in result[output]]
        return Found(result["logits"], result["token_norms"], scores)

    return asker


def _relevance(pixel_values: Floats, asked: Question, contract: Contract) -> Exchange:
    walked = {
        "positive": ("relevance",),
        "negative": ("counter_relevance",),
        "both": ("relevance", "counter_relevance"),
    }[asked.sign]
    weights = asked.logit_weights(len(contract.labels))
    (result,) = yield [Pass.explain(pixel_values, (*ALWAYS, *walked), logit_weights=weights)]
    for_class, against = result[walked[0]], result[walked[-1]]  # [T, L, n]
    scores = [
        signed_relevance(
            for_class[index, asked.start_layer], against[index, asked.start_layer], asked.sign
        ).reshape(contract.architecture.grid)
        for index in range(len(asked.targets))
    ]
    return Found(result["logits"], result["token_norms"], scores)


def _attention(pixel_values: Floats, asked: Question, contract: Contract) -> Exchange:
    architecture = contract.architecture
    (result,) = yield [Pass.attend(pixel_values, all_patches(architecture), (*ALWAYS, "attention"))]
    if asked.method == "rollout":
        scores = attention_rollout(
            result["attention"],
            architecture,
            start_layer=asked.start_layer,
            fusion=asked.fusion,
            discard_ratio=asked.discard_ratio,
        )
    else:
        scores = attention_of_layer(
            result["attention"],
            architecture,
            layer=asked.layer,
            head=asked.head,
            fusion=asked.fusion,
            discard_ratio=asked.discard_ratio,
        )
    return Found(result["logits"], result["token_norms"], [scores] * len(asked.targets))


def _targets_known(asked: Question, logits: Floats) -> Question:
    predicted = int(logits.argmax())
    targets = [predicted if target is None else target for target in asked.targets]
    return replace(asked, targets=tuple(targets))


def _integrated_gradients(pixel_values: Floats, asked: Question, contract: Contract) -> Exchange:
    architecture = contract.architecture
    baseline = baseline_picture(pixel_values, asked.baseline, contract.preprocessing)
    keep = all_patches(architecture)
    whole, empty = yield [
        Pass.attend(picture, keep, ALWAYS) for picture in (pixel_values, baseline)
    ]
    asked = _targets_known(asked, whole["logits"])
    weights = asked.logit_weights(len(contract.labels))
    gradient = yield from _mean_gradient(pixel_values, baseline, weights, asked.path_steps)
    moved = cut(pixel_values - baseline, architecture)  # [n, 3 p p]
    scores = (gradient * moved).sum(axis=-1)  # [T, n]
    errors = scores.sum(axis=-1) - weights @ (whole["logits"] - empty["logits"])
    return Found(
        whole["logits"],
        whole["token_norms"],
        [row.reshape(architecture.grid) for row in scores],
        [float(error) for error in errors],
    )


def _mean_gradient(
    pixel_values: Floats, baseline: Floats, weights: Floats, steps: int
) -> Generator[list[Pass], list[Arrays], Floats]:
    """Average the pixels' gradient along the path from the baseline: [T, n, 3 p p]."""
    places, shares = np.polynomial.legendre.leggauss(steps)  # on [-1, 1], the shares' sum is 2
    points = [
        Pass.explain(
            Mixture(pixel_values, baseline, float(place + 1) / 2),
            ("patch_gradient",),
            logit_weights=weights,
        )
        for place in places
    ]
    mean: Any = 0.0
    for start in range(0, steps, PATH_PASSES):  # gradients are large: few are held at once
        results = yield points[start : start + PATH_PASSES]
        for share, result in zip(shares[start:], results, strict=False):
            mean = mean + result["patch_gradient"] * np.float32(share / 2)
    return np.asarray(mean, np.float32)


def _occlusion(pixel_values: Floats, asked: Question, contract: Contract) -> Exchange:
    architecture = contract.architecture
    keep = all_patches(architecture)
    (whole,) = yield [Pass.attend(pixel_values, keep, ALWAYS)]
    weights = _targets_known(asked, whole["logits"]).logit_weights(len(contract.labels))
    remover = PatchRemover(pixel_values, asked.removal, contract)
    without = yield [remover.with_only(np.delete(keep, patch)) for patch in keep]
    falls = whole["logits"] - np.stack([result["logits"] for result in without])  # [n, C]
    scores = weights @ falls.T  # [T, n]
    return Found(
        whole["logits"],
        whole["token_norms"],
        [row.reshape(architecture.grid) for row in scores],
    )


ASKERS: dict[MethodName, Asker] = {
    "relevance": _relevance,
    "legrad": _from_explain_graph("layer_evidence"),
    "rollout": _attention,
    "attention": _attention,
    "gradcam": _from_explain_graph("class_activation"),
    "integrated_gradients": _integrated_gradients,
    "occlusion": _occlusion,
}
