"""Measures everything that has a goal, in one run and in turns: `vitrine benchmark --gates`."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from service.benchmarking.comparison import fresh_bytecode, memory_by_use
from service.benchmarking.gate import Gate, gate_table
from service.benchmarking.gates import (
    FEW,
    int8_gates,
    large_gates,
    memory_gates,
    speed_gates,
    start_gates,
)
from service.benchmarking.line import Line, line_table
from service.benchmarking.load_process import load_process
from service.benchmarking.machine import Machine, this_machine
from service.benchmarking.pictures import Picture, large_jpeg, small_png, usual_jpeg
from service.benchmarking.rounds import Measure, Progress, in_turns
from service.benchmarking.scenario import Bench, Scenario, bench
from service.benchmarking.server_process import ServerProcess, server_process
from service.benchmarking.workload import CLASSIFY, PLAIN, Work
from service.bundle import read_bundle
from service.bundle_folder import find_bundles
from service.opening import compute_threads
from service.settings import Settings

INT8 = Work("classify in int8")


@dataclass(frozen=True)
class GateReport:
    """The gates, and the loads that they were computed from."""

    machine: Machine
    bundle: str
    pictures: list[str]
    rounds: int
    seconds: float
    gates: list[Gate]
    lines: list[Line]

    @property
    def is_met(self) -> bool:
        """Whether every goal is reached."""
        return all(gate.is_met for gate in self.gates)

    def __str__(self) -> str:
        sections = [
            str(self.machine),
            f"Bundle {self.bundle}; {'; '.join(self.pictures)}; {self.rounds} rounds of "
            f"{self.seconds:g} s a line, in turns; median (lowest to highest round)",
            gate_table(self.gates),
            line_table(self.lines),
        ]
        return "\n\n".join(sections)


def measure_gates(
    bundles: Path,
    *,
    rounds: int,
    seconds: float,
    progress: Progress,
    pictures: Sequence[Picture] = (),
    large: Picture | None = None,
) -> GateReport:
    """Measure the first bundle of a folder with a small, a usual and a large picture.

    Raises ContractError for a bundle that cannot be served, ModelNotReady when the server ends,
    InferenceFailed when a scenario has no success.
    """
    folder = find_bundles(bundles)[0].resolve()
    contract = read_bundle(folder).contract
    machine = this_machine(compute_threads(Settings()))
    pictures, large = pictures or (small_png(), usual_jpeg()), large or large_jpeg()
    starts: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as compiled, load_process() as callers, ExitStack() as open_:
        progress("first start")
        with server_process(folder, fresh_bytecode(compiled)) as server:
            starts["first, nothing compiled,"] = server.ready_seconds
            image = pictures[-1].data
            held = memory_by_use(callers, server, image, contract.graphs.explain_all, FEW)
        progress("second start")
        server = open_.enter_context(server_process(folder, fresh_bytecode(compiled)))
        starts["second"] = server.ready_seconds
        both = open_.enter_context(bench(folder, callers))
        measures = _measures(both, server, pictures, large)
        if has_int8(folder):
            int8 = open_.enter_context(server_process(folder, {"VITRINE_PRECISION": "int8"}))
            measures |= both.served(int8.address, INT8, image, (FEW,), pictures[-1].name)
        samples = in_turns(measures, rounds, seconds, progress)
    gates = [gate for picture in pictures for gate in speed_gates(samples, picture.name)]
    gates += [*large_gates(samples, large.name), *start_gates(starts), *memory_gates(held)]
    if in_int8 := samples.get(Scenario(INT8.name, FEW, pictures[-1].name)):
        in_float = samples[Scenario(CLASSIFY.name, FEW, pictures[-1].name)]
        gates += int8_gates(in_int8, in_float, pictures[-1].name)
    return GateReport(
        machine=machine,
        bundle=f"{contract.name} {contract.version}",
        pictures=[str(picture) for picture in (*pictures, large)],
        rounds=rounds,
        seconds=seconds,
        gates=gates,
        lines=[Line.of(str(scenario), found) for scenario, found in samples.items()],
    )


def has_int8(folder: Path) -> bool:
    """Whether the service can be asked for int8, and the bundle has a graph for it."""
    has_setting = "precision" in Settings.model_fields
    return has_setting and "int8" in read_bundle(folder).contract.precisions


def _measures(
    both: Bench, server: ServerProcess, pictures: Sequence[Picture], large: Picture
) -> dict[Scenario, Measure]:
    measures: dict[Scenario, Measure] = {}
    for picture in pictures:
        measures |= both.bare(CLASSIFY, picture.data, picture.name)
        measures |= both.served(
            server.address, CLASSIFY, picture.data, CLASSIFY.callers, picture.name
        )
    for work in (CLASSIFY, PLAIN):
        measures[Scenario(work.name, "each", large.name)] = partial(
            both.each.measure, work, large.data
        )
    return measures | both.served(server.address, CLASSIFY, large.data, (FEW,), large.name)
