"""Twice as many requests as a server can answer, and what becomes of those it accepts."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from service.benchmarking.gate import Gate
from service.benchmarking.load_process import LoadProcess
from service.benchmarking.memory import memory
from service.benchmarking.prober import probing
from service.benchmarking.report import latency_of
from service.benchmarking.request import post
from service.benchmarking.rounds import Progress
from service.benchmarking.sample import Percentiles, Sample
from service.benchmarking.server_process import ServerProcess
from service.benchmarking.stolen import undisturbed
from service.errors import InferenceFailed

CALLERS = 32
TIMES_CAPACITY = 2.0
CONNECTIONS = 768  # many more than the queue holds, and below the 1,024 files of many shells
SHARE_BEFORE = 1 / 6  # of the seconds, for capacity; twice that for the load at capacity

TIMES_REFERENCE = 1.3
REFUSAL_MS = 20.0
HEALTH_MS = 50.0
MEMORY_GROWTH = 1.05


@dataclass(frozen=True)
class Overload:
    """Three loads on one server: callers that wait, as many as it can answer, and twice that."""

    capacity: Sample
    reference: Sample
    overload: Sample
    probes_seconds: Mapping[str, tuple[float, ...]]
    probe_errors: Mapping[str, int]
    memory_mb: tuple[float, ...]  # at the begin, in the middle and at the end of the overload


def overload(
    callers: LoadProcess, server: ServerProcess, image: bytes, seconds: float, progress: Progress
) -> Overload:
    """Put the three loads on a server, one after the other; the last one for `seconds`.

    Raises InferenceFailed when nothing is answered.
    """
    request, before = post(server.address, "/classify", image), seconds * SHARE_BEFORE
    wait = partial(callers.keep_busy, server.address, request, CALLERS)
    progress("capacity")
    wait(before / 2)
    capacity = undisturbed(wait, before)
    if not capacity.latencies_seconds:
        raise InferenceFailed(f"no image was answered: {capacity.errors}")
    come = partial(callers.keep_coming, server.address, request, connections=CONNECTIONS)
    progress(f"{capacity.per_second:.0f} requests a second, as many as it can answer")
    reference = undisturbed(partial(come, capacity.per_second), 2 * before)
    progress(f"{TIMES_CAPACITY:g} times as many for {seconds:g} s")
    too_many = partial(come, TIMES_CAPACITY * capacity.per_second)
    with probing(server.address) as probes, watched_memory(server.pid, seconds) as held:
        overloaded = undisturbed(too_many, seconds, attempts=1)
    return Overload(
        capacity,
        reference,
        overloaded,
        {path: tuple(took) for path, took in probes.seconds.items()},
        probes.errors,
        tuple(held),
    )


@contextmanager
def watched_memory(pid: int, seconds: float) -> Iterator[list[float]]:
    """Read a server's memory in MB now, in the middle of `seconds`, and when the block ends."""
    held: list[float] = []
    is_over = threading.Event()

    def look() -> None:
        if found := memory(pid):
            held.append(found.megabytes)

    def look_in_the_middle() -> None:
        is_over.wait(seconds / 2)
        look()

    look()
    middle = threading.Thread(target=look_in_the_middle, daemon=True)
    middle.start()
    try:
        yield held
        middle.join()
        look()
    finally:
        is_over.set()


def overload_gates(found: Overload) -> list[Gate]:
    """Judge an overload."""
    times = latency_of([found.overload]).p99 / latency_of([found.reference]).p99
    gates = [
        Gate(
            f"p99 of accepted requests / p99 at capacity, {TIMES_CAPACITY:g} x capacity",
            "at most",
            TIMES_REFERENCE,
            times,
        )
    ]
    if refusals := Percentiles.of(found.overload.refusals_seconds):
        note = f"({refusals.count} refusals)"
        gates.append(Gate("p99 of refusals", "at most", REFUSAL_MS, refusals.p99, "ms", note))
    for path, took in found.probes_seconds.items():
        if probes := Percentiles.of(took):
            note = f"({probes.count} probes, p99 {probes.p99:.1f})"
            gates.append(Gate(f"longest {path}", "at most", HEALTH_MS, probes.max, "ms", note))
    if found.memory_mb:
        growth = found.memory_mb[-1] / found.memory_mb[0]
        gates.append(Gate("memory, end / begin", "at most", MEMORY_GROWTH, growth))
    return gates
