"""Overloads a service of its own: `vitrine benchmark --overload`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from service.benchmarking.gate import Gate, gate_table
from service.benchmarking.line import Line, line_table
from service.benchmarking.load_process import load_process
from service.benchmarking.machine import Machine, this_machine
from service.benchmarking.overload import CALLERS, TIMES_CAPACITY, overload, overload_gates
from service.benchmarking.pictures import Picture, usual_jpeg
from service.benchmarking.rounds import Progress
from service.benchmarking.server_process import server_process
from service.bundle import read_bundle
from service.bundle_folder import find_bundles
from service.opening import compute_threads
from service.settings import Settings


@dataclass(frozen=True)
class OverloadReport:
    """What came of it, against the goals; memory is at begin, middle and end of the overload."""

    machine: Machine
    bundle: str
    picture: str
    seconds: float
    gates: list[Gate]
    lines: list[Line]
    memory_mb: list[float]
    probe_errors: dict[str, int]

    @property
    def is_met(self) -> bool:
        """Whether every goal is reached."""
        return all(gate.is_met for gate in self.gates)

    def __str__(self) -> str:
        held = ", ".join(f"{figure:.0f}" for figure in self.memory_mb) or "not told"
        sections = [
            str(self.machine),
            f"Bundle {self.bundle}; picture: {self.picture}; {self.seconds:g} s; memory at begin, "
            f"middle and end: {held} MB; failed probes: {self.probe_errors or 'none'}",
            gate_table(self.gates),
            line_table(self.lines),
        ]
        return "\n\n".join(sections)


def measure_overload(
    bundles: Path, *, seconds: float, progress: Progress, picture: Picture | None = None
) -> OverloadReport:
    """Overload the first bundle of a folder for some seconds, after finding what it can do.

    Raises ContractError for a bundle that cannot be served, ModelNotReady when the server ends,
    InferenceFailed when nothing is answered.
    """
    folder = find_bundles(bundles)[0].resolve()
    contract = read_bundle(folder).contract
    machine = this_machine(compute_threads(Settings()))
    picture = picture or usual_jpeg()
    with load_process() as callers, server_process(folder, {}) as server:
        found = overload(callers, server, picture.data, seconds, progress)
    return OverloadReport(
        machine=machine,
        bundle=f"{contract.name} {contract.version}",
        picture=str(picture),
        seconds=seconds,
        gates=overload_gates(found),
        lines=[
            Line.of(f"{CALLERS} callers that wait", [found.capacity]),
            Line.of("arrivals at capacity", [found.reference]),
            Line.of(f"arrivals at {TIMES_CAPACITY:g} x capacity", [found.overload]),
        ],
        memory_mb=list(found.memory_mb),
        probe_errors=dict(found.probe_errors),
    )
