"""The table of a faithfulness study: means with intervals, and the default that follows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.faithfulness import RANDOM, Plan, Row
from service.explanation.methods import METHODS, MethodName
from service.record import Explanations, Faithfulness, Interval

RESAMPLES = 10_000
RESAMPLES_TOGETHER = 500
CONFIDENCE = 95  # per cent

Values = NDArray[np.float64]


def summarize(rows: Sequence[Row], plan: Plan) -> Explanations:
    """Average the rows of a study, and choose the default method."""
    deltas = {name: _column(rows, name, "delta") for name in rows[0]}
    found = {name: _faithfulness(rows, name, deltas, plan.seed) for name in rows[0]}
    methods = {name: found[name] for name in METHODS}
    return Explanations(
        part=plan.part,
        images=len(rows),
        removal=plan.removal,
        steps=plan.steps,
        seed=plan.seed,
        default_method=most_faithful(
            {
                name: deltas[name]
                for name, method in METHODS.items()
                if method.is_quick or plan.default_among == "all"
            },
            plan.seed,
        ),
        methods=methods,
        references={name: row for name, row in found.items() if name not in METHODS},
    )


def most_faithful(deltas: dict[MethodName, Values], seed: int) -> MethodName:
    """Choose the method with the largest mean delta.

    Where it takes many passes and others cannot be told from it on the same images (the 95 %
    interval of the difference holds 0), the best of them that takes one run is chosen.
    """
    in_order = sorted(deltas, key=lambda name: -float(deltas[name].mean()))
    best = in_order[0]
    alike = [name for name in in_order if bootstrap(deltas[best] - deltas[name], seed).low <= 0]
    return next((name for name in alike if METHODS[name].is_quick), best)


def bootstrap(values: Values, seed: int) -> Interval:
    """Give the mean and its 95 % percentile interval (Efron, 1979) over images."""
    random = np.random.default_rng(seed)
    means = np.concatenate(
        [
            random.choice(values, (RESAMPLES_TOGETHER, len(values))).mean(axis=1)
            for _ in range(RESAMPLES // RESAMPLES_TOGETHER)
        ]
    )
    tail = (100 - CONFIDENCE) / 2
    low, high = np.percentile(means, (tail, 100 - tail))
    return Interval(mean=_rounded(values.mean()), low=_rounded(low), high=_rounded(high))


def report(table: Explanations) -> str:
    """Say it in lines for a person."""
    head = f"{'method':26}{'delta (95 % interval)':27}{'over random':27}" + "".join(
        f"{name:>11}"
        for name in ("insertion", "deletion", "compreh.", "suffic.", "other", "shuffled")
    )
    rows = [*table.methods.items(), *table.references.items()]
    lines = [_line(name, row, name == table.default_method) for name, row in rows]
    return "\n".join(
        [
            f"{table.images:,} images of {table.part}; patches removed by {table.removal}; "
            f"{table.steps} steps a curve",
            head,
            *lines,
            "other, shuffled: rank correlation with the map of another class, of shuffled weights",
            f"default method: {table.default_method}",
        ]
    )


def _line(name: str, row: Faithfulness, is_default: bool) -> str:
    figures = (row.insertion, row.deletion, row.comprehensiveness, row.sufficiency)
    checks = (row.another_class, row.randomized_weights)
    cells = [f"{value:11.3f}" for value in figures]
    cells += [f"{'-':>11}" if value is None else f"{value:11.3f}" for value in checks]
    marked = f"{name}{' *' if is_default else ''}"
    return f"{marked:26}{told(row.delta):27}{told(row.margin_over_random):27}{''.join(cells)}"


def told(interval: Interval) -> str:
    """Say an interval in words."""
    return f"{interval.mean:.3f} ({interval.low:.3f} to {interval.high:.3f})"


def _faithfulness(
    rows: Sequence[Row], name: str, deltas: dict[str, Values], seed: int
) -> Faithfulness:
    means = {
        figure: _rounded(_column(rows, name, figure).mean())
        for figure in ("insertion", "deletion", "comprehensiveness", "sufficiency")
    }
    checks = {
        check: _rounded(values.mean())
        for check in ("randomized_weights", "another_class")
        if len(values := _column(rows, name, check))
    }
    return Faithfulness(
        delta=bootstrap(deltas[name], seed),
        margin_over_random=bootstrap(deltas[name] - deltas[RANDOM], seed),
        **means,
        **checks,
    )


def _column(rows: Sequence[Row], name: str, figure: str) -> Values:
    return np.array([row[name][figure] for row in rows if figure in row[name]])


def _rounded(value: float | np.floating) -> float:
    return round(float(value), 4)
