"""Answers a question about one picture: which passes it takes, and what map they make.

`explain_picture` is a generator that runs nothing itself. It yields the passes that it needs next
and is sent their outputs, so that a server, the command line and an evaluation each run them in
their own way, and together with those of other pictures. `Inquiry` wraps it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace

from service.classify import probabilities
from service.contract import Contract
from service.engine import Arrays, Floats
from service.explanation.askers import ASKERS, Found
from service.explanation.faithfulness import (
    MapFaithfulness,
    both_orders,
    faithfulness_of,
    measure_orders,
    random_orders,
)
from service.explanation.maps import (
    high_norm_patches,
)
from service.explanation.passes import Pass
from service.explanation.question import Question
from service.explanation.removal import PatchRemover

LOW_CONFIDENCE = 0.5  # of the predicted class; below it the model hardly made up its mind


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
    orders = [order for one in maps for order in both_orders(one.scores)]
    remover = PatchRemover(pixel_values, asked.removal, contract)
    found = yield from measure_orders([*orders, *controls], remover, asked.curve_steps)
    return [
        replace(
            one,
            faithfulness=faithfulness_of(
                one.scores, one.target, asked.curve_steps, controls, found
            ),
        )
        for one in maps
    ]


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


def answer(inquiry: Inquiry, run: Callable[[list[Pass]], Sequence[Arrays]]) -> Explanation:
    """Run an inquiry to its end, one set of passes after the other."""
    while inquiry.answer is None:
        inquiry.take(run(inquiry.needed))
    return inquiry.answer
