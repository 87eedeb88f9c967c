"""Measures any HTTP server that takes a picture: `vitrine benchmark --against URL`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from service.benchmarking.line import Line, line_table
from service.benchmarking.load_process import CONNECTIONS, LoadProcess, load_process
from service.benchmarking.machine import Machine, this_machine
from service.benchmarking.open_loop import Schedule
from service.benchmarking.request import Body, Target, request_bytes
from service.benchmarking.rounds import Measure, Progress, in_turns
from service.budget import cpu_budget
from service.errors import InferenceFailed


@dataclass(frozen=True)
class Loads:
    """Which loads are put on a server: closed loops of `callers`, and open loops at `rates`.

    `rates` are arrivals a second, on a `schedule`, over at most `connections` at once.
    """

    callers: Sequence[int] = (1, 8, 32)
    rates: Sequence[float] = ()
    schedule: Schedule = "poisson"
    connections: int = CONNECTIONS
    connect_each: bool = False


@dataclass(frozen=True)
class AgainstReport:
    """What a server gave under each load."""

    machine: Machine
    url: str
    request: str
    rounds: int
    seconds: float
    lines: list[Line]

    def __str__(self) -> str:
        sections = [
            str(self.machine),
            f"{self.url}: {self.request}; {self.rounds} rounds of {self.seconds:g} s a line, in "
            "turns; images/s: median (lowest to highest round)",
            line_table(self.lines),
        ]
        return "\n\n".join(sections)


def measure_against(
    target: Target,
    body: Body,
    loads: Loads,
    *,
    headers: Sequence[str] = (),
    rounds: int,
    seconds: float,
    warm_up_seconds: float,
    progress: Progress,
) -> AgainstReport:
    """Put each load on a server, in turns.

    Raises InferenceFailed where nobody listens, or a load has no success.
    """
    request = request_bytes(target.host, target.path, body, headers, keep=not loads.connect_each)
    with load_process() as process:
        measures = _measures(process, target, request, loads)
        try:
            samples = in_turns(measures, rounds, seconds, progress, warm_up_seconds)
        except OSError as error:
            raise InferenceFailed(
                f"http://{target.host} cannot be reached: {error.strerror or error}; "
                "start the server first, or check --against"
            ) from error
    return AgainstReport(
        machine=this_machine(cpu_budget().cpus),
        url=f"http://{target.host}{target.path}",
        request=f"{body.content_type}, {len(body.content):,} bytes",
        rounds=rounds,
        seconds=seconds,
        lines=[Line.of(name, found) for name, found in samples.items()],
    )


def _measures(
    process: LoadProcess, target: Target, request: bytes, loads: Loads
) -> dict[str, Measure]:
    each = ", a connection each" if loads.connect_each else ""
    measures: dict[str, Measure] = {}
    for count in loads.callers:
        busy = partial(process.keep_busy, target.address, request, connect_each=loads.connect_each)
        name = f"{count} caller{'s' if count > 1 else ''}{each}"
        measures[name] = partial(busy, count)
    for rate in loads.rates:
        coming = partial(
            process.keep_coming,
            target.address,
            request,
            schedule=loads.schedule,
            connections=loads.connections,
            connect_each=loads.connect_each,
        )
        measures[f"{rate:g} a second, {loads.schedule}{each}"] = partial(coming, rate)
    return measures
