"""What a soak found, and what must hold."""

from __future__ import annotations

from dataclasses import dataclass

from service.benchmarking.gate import Gate, gate_table
from service.benchmarking.machine import Machine
from service.benchmarking.table import table
from service.soak.incidents import RELOAD
from service.soak.kinds import Kind
from service.soak.record import Failure, Record

MEMORY_GROWTH = 1.05


@dataclass(frozen=True)
class SoakReport:
    """The answers by kind, the failures, memory over time, and the goals.

    `memory_mb` begins when all is warm. `not_exercised` says what this service does not offer.
    """

    machine: Machine
    bundle: str
    seconds: float
    gates: list[Gate]
    answers: dict[str, dict[str, int]]
    expected: dict[str, str]
    failures: list[Failure]
    excused: list[Failure]
    memory_mb: list[float]
    not_exercised: list[str]

    @property
    def is_met(self) -> bool:
        """Whether everything holds."""
        return all(gate.is_met for gate in self.gates)

    def __str__(self) -> str:
        held = " ".join(f"{figure:.0f}" for figure in self.memory_mb) or "not told"
        sections = [
            str(self.machine),
            f"Bundle {self.bundle}; {self.seconds:g} s; memory since all was warm, in MB: {held}",
            table(["request", "expected", "found"], [self._row(kind) for kind in self.answers]),
            gate_table(self.gates),
            *(f"not exercised: {reason}" for reason in self.not_exercised),
        ]
        return "\n\n".join(sections)

    def _row(self, kind: str) -> list[str]:
        found = sorted(self.answers[kind].items())
        counts = ", ".join(f"{count} x {answer}" for answer, count in found)
        return [kind, self.expected.get(kind, ""), counts]


def soak_gates(
    record: Record, memory_mb: list[float], *, reloads: int, workers: int, workers_left: int
) -> list[Gate]:
    """Judge a soak; 0 reloads or workers where there are no such things."""
    answers = record.answers
    asked = sum(sum(found.values()) for found in answers.values())
    note = f"(of {asked} requests; {len(record.excused)} more were a killed worker's)"
    gates = [
        Gate("requests without the answer expected", "at most", 0, record.unexcused_count, "", note)
    ]
    if memory_mb:
        growth = memory_mb[-1] / memory_mb[0]
        gates.append(Gate("memory, end / warm", "at most", MEMORY_GROWTH, growth))
    if reloads:
        done = answers.get(RELOAD, {}).get("200", 0)
        gates.append(Gate("reloads that succeeded", "at least", reloads, done))
    if workers:
        gates.append(Gate("workers at the end", "at least", workers, workers_left))
    return gates


def expected_answers(kinds: list[Kind]) -> dict[str, str]:
    """Say what each kind must get."""
    return {kind.name: kind.expected or "nobody waits" for kind in kinds} | {RELOAD: "200"}
