"""What the service promises of its speed, from what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from service.benchmarking.gate import Gate
from service.benchmarking.memory import Memory
from service.benchmarking.report import behind, latency_of, share
from service.benchmarking.sample import Sample, Spread
from service.benchmarking.scenario import Scenario
from service.benchmarking.workload import CLASSIFY, PLAIN

SHARE_OF_BARE = 0.93
TIMES_IDEAL_WAIT = 1.6
BEHIND_BARE_MS = 1.0
TIMES_PLAIN = 2.5
TIMES_FLOAT = 1.0
READY_SECONDS = 1.2
MEMORY_MB = 170.0
FEW, MANY = 8, 32
Samples = Mapping[Scenario, list[Sample]]


def speed_gates(samples: Samples, picture: str) -> list[Gate]:
    """Compare served classification of a picture with the loops without a server."""
    each = samples[Scenario(CLASSIFY.name, "each", picture)]
    whole = samples[Scenario(CLASSIFY.name, "all", picture)]
    one, few, many = (samples[Scenario(CLASSIFY.name, by, picture)] for by in (1, FEW, MANY))
    return [
        *(
            _gate(
                f"{picture}: throughput at {callers} callers / a loop a CPU",
                "at least",
                SHARE_OF_BARE,
                share(served, each),
            )
            for callers, served in ((FEW, few), (MANY, many))
        ),
        _gate(
            f"{picture}: p99 at {MANY} callers / ideal wait",
            "at most",
            TIMES_IDEAL_WAIT,
            times_ideal_wait(many, MANY),
        ),
        _gate(
            f"{picture}: p50 of one caller - one loop with all CPUs",
            "at most",
            BEHIND_BARE_MS,
            behind(one, whole),
            "ms",
        ),
    ]


def times_ideal_wait(samples: Sequence[Sample], callers: int) -> Spread:
    """Give p99 over the time in which every caller has its turn once, round by round."""
    return Spread.of(
        [latency_of([sample]).p99 / 1000 * sample.per_second / callers for sample in samples]
    )


def large_gates(samples: Samples, picture: str) -> list[Gate]:
    """Compare a large JPEG decoded at reduced scale with a plain decode, bare and served."""
    plain = samples[Scenario(PLAIN.name, "each", picture)]
    bare = samples[Scenario(CLASSIFY.name, "each", picture)]
    served = samples[Scenario(CLASSIFY.name, FEW, picture)]
    name = "loop a CPU with a plain decode"
    return [
        _gate(f"{picture}: loop a CPU / {name}", "at least", TIMES_PLAIN, share(bare, plain)),
        _gate(f"{picture}: {FEW} callers / {name}", "at least", TIMES_PLAIN, share(served, plain)),
    ]


def start_gates(seconds: Mapping[str, float]) -> list[Gate]:
    """Judge how long each start took."""
    return [
        Gate(f"ready, {start} start", "at most", READY_SECONDS, took, "s")
        for start, took in seconds.items()
    ]


def memory_gates(held: Mapping[str, Memory | None]) -> list[Gate]:
    """Judge the proportional memory in each state of which it is known."""
    return [
        Gate(f"memory, {state}", "at most", MEMORY_MB, memory.megabytes, "MB")
        for state, memory in held.items()
        if memory is not None
    ]


def int8_gates(int8: list[Sample], float32: list[Sample], picture: str) -> list[Gate]:
    """Compare the service of a bundle in int8 with the one in float."""
    name = f"{picture}: int8 / float, throughput at {FEW} callers"
    return [_gate(name, "at least", TIMES_FLOAT, share(int8, float32))]


def _gate(
    name: str, bound: Literal["at least", "at most"], goal: float, found: Spread, unit: str = ""
) -> Gate:
    note = f"({found.min:.2f} to {found.max:.2f})"
    return Gate(name, bound, goal, found.median, unit, note)
