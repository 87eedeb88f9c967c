"""A goal, what was measured, and whether that meets it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from service.benchmarking.table import table


@dataclass(frozen=True)
class Gate:
    """A figure that must be at least, or at most, its goal."""

    name: str
    bound: Literal["at least", "at most"]
    goal: float
    measured: float
    unit: str = ""
    note: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the goal is reached."""
        if self.bound == "at least":
            return self.measured >= self.goal
        return self.measured <= self.goal


def gate_table(gates: Iterable[Gate]) -> str:
    """Write gates as a table."""
    rows = [
        [
            gate.name,
            f"{gate.bound} {gate.goal:g}{_space(gate.unit)}",
            f"{gate.measured:.2f}{_space(gate.unit)}{_space(gate.note)}",
            "yes" if gate.is_met else "NO",
        ]
        for gate in gates
    ]
    return table(["gate", "goal", "measured", "met"], rows)


def _space(text: str) -> str:
    return f" {text}" if text else ""
