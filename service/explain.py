"""Answers a question about one picture: which passes it takes, and what map they make.

`explain_picture` is a generator that runs nothing itself. It yields the passes that it needs next
and is sent their outputs, so that a server, the command line and an evaluation each run them in
their own way, and together with those of other pictures. `Inquiry` wraps it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from service.classify import probabilities
from service.contract import Contract
from service.engine import Arrays, Floats
from service.faithfulness import (
    MapFaithfulness,
    faithfulness_of,
    measure_orders,
    order_of,
    random_orders,
)
from service.maps import (
    attention_of_layer,
    attention_rollout,
    high_norm_patches,
    signed_relevance,
)
from service.passes import Mixture, Pass
from service.question import Question
from service.removal import PatchRemover, all_patches, baseline_picture, cut

LOW_CONFIDENCE = 0.5  # of the predicted class; below it the model hardly made up its mind
ALWAYS = ("logits", "token_norms")
PATH_PASSES = 16


@dataclass(frozen=True)
class Map:
    """One class's map: scores [rows, columns], and what to mind.

    Warnings: `constant_map` (nothing to tell apart), `high_norm_tokens` (some patches' tokens hold
    what belongs to the whole picture), `low_confidence` (the predicted class has less than half of
    the probability), `class_agnostic_method` (the map is the same for every class),
    `target_not_predicted` (the class explained is not the most probable).

    `completeness_error` is what integrated gradients miss of the difference of logits.
    """

    target: int
    scores: Floats
    warnings: tuple[str, ...] = ()
    completeness_error: float | None = None
    faithfulness: MapFaithfulness | None = None


@dataclass(frozen=True)
class Explanation:
    """What is said of one picture: logits [C], and a map for each target."""

    logits: Floats
    maps: tuple[Map, ...]


@dataclass(frozen=True)
class Found:
    """What a method finds: logits [C], the lengths of tokens [n], a map for each target."""

    logits: Floats
    token_norms: Floats
    scores: list[Floats]
    completeness_errors: list[float] | None = None


Exchange = Generator[list[Pass], list[Arrays], Found]
Asker = Callable[[Floats, Question, Contract], Exchange]


def explain_picture(
    pixel_values: Floats, asked: Question, contract: Contract
) -> Generator[list[Pass], list[Arrays], Explanation]:
    """Yield the passes that an answer needs, take their outputs, and return the answer."""
    found = yield from ASKERS[asked.method](pixel_values, asked, contract)
    predicted = int(found.logits.argmax())
    errors: Sequence[float | None] = found.completeness_errors or [None] * len(found.scores)
    maps = [
        Map(
            target=predicted if target is None else target,
            scores=scores,
            warnings=_warnings(scores, predicted if target is None else target, found, asked),
            completeness_error=error,
        )
        for target, scores, error in zip(asked.targets, found.scores, errors, strict=True)
    ]
    if asked.faithfulness:
        maps = yield from _with_faithfulness(maps, pixel_values, asked, contract)
    return Explanation(found.logits, tuple(maps))


def _warnings(scores: Floats, target: int, found: Found, asked: Question) -> tuple[str, ...]:
    predicted = int(found.logits.argmax())
    facts = {
        "constant_map": not scores.max() > scores.min(),
        "high_norm_tokens": high_norm_patches(found.token_norms) > 0,
        "low_confidence": bool(probabilities(found.logits)[predicted] < LOW_CONFIDENCE),
        "class_agnostic_method": not asked.definition.class_specific,
        "target_not_predicted": target != predicted,
    }
    return tuple(name for name, holds in facts.items() if holds)


def _with_faithfulness(
    maps: list[Map], pixel_values: Floats, asked: Question, contract: Contract
) -> Generator[list[Pass], list[Arrays], list[Map]]:
    controls = random_orders(contract.architecture.patches)
    own = [order_of(one.scores) for one in maps]
    orders = [*own, *(order[::-1] for order in own), *controls]
    remover = PatchRemover(pixel_values, asked.removal, contract)
    found = yield from measure_orders(orders, remover, asked.curve_steps)
    return [
        replace(
            one,
            faithfulness=faithfulness_of(
                one.scores, one.target, asked.curve_steps, controls, found
            ),
        )
        for one in maps
    ]


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


ASKERS: dict[str, Asker] = {
    "relevance": _relevance,
    "legrad": _from_explain_graph("layer_evidence"),
    "rollout": _attention,
    "attention": _attention,
    "gradcam": _from_explain_graph("class_activation"),
    "integrated_gradients": _integrated_gradients,
    "occlusion": _occlusion,
}


class Inquiry:
    """A question about one picture on its way.

    Invariant: `needed` are the passes that it waits for; when there are none, `answer` is there.
    """

    def __init__(self, pixel_values: Floats, asked: Question, contract: Contract) -> None:
        self._exchange = explain_picture(pixel_values, asked, contract)
        self.needed: list[Pass] = next(self._exchange)
        self.answer: Explanation | None = None

    def take(self, results: Sequence[Arrays]) -> None:
        """Take the outputs of the passes needed, in their order, and find what is needed next.

        Raises ValueError where there are more or fewer; an answer, once there, stays.
        """
        if len(results) != len(self.needed):
            raise ValueError(
                f"expected the outputs of {len(self.needed)} passes; got {len(results)}"
            )
        if self.answer is not None:
            return
        try:
            self.needed = self._exchange.send(list(results))
        except StopIteration as finished:
            self.needed, self.answer = [], finished.value
