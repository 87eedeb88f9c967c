"""What a day cost and how well it was served, as a row of a table and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from service.errors import InvalidParameter
from service.scaling.autoscaler import SYNC_SECONDS
from service.scaling.day import HOUR_SECONDS
from service.scaling.simulation import Outcome

HEADINGS = (
    "replicas follow",
    "replicas: least, mean, most",
    "p50 ms",
    "p99 ms",
    "refused",
    "replica-hours",
    "cost of a million images",
)
MILLION = 1_000_000


@dataclass(frozen=True)
class Row:
    """One way to scale, and what came of it."""

    follows: str
    images: int
    replicas_least: int
    replicas_mean: float
    replicas_most: int
    p50_ms: float
    p99_ms: float
    refused_share: float
    replica_hours: float
    cost_per_million: float
    replicas_by_hour: tuple[float, ...]

    def cells(self) -> tuple[str, ...]:
        """Give it as a person reads it."""
        return (
            self.follows,
            f"{self.replicas_least}, {self.replicas_mean:.1f}, {self.replicas_most}",
            f"{self.p50_ms:.1f}",
            f"{self.p99_ms:.1f}",
            f"{self.refused_share:.3%}",
            f"{self.replica_hours:.1f}",
            f"{self.cost_per_million:.3f}",
        )


def row(follows: str, outcome: Outcome, cost_per_hour: float) -> Row:
    """Sum up a day. Raises InvalidParameter where nothing came of it."""
    answered = len(outcome.latencies)
    if not answered:
        raise InvalidParameter("no image came in the time simulated; raise --peak or --hours")
    images = answered + outcome.refused
    p50, p99 = np.quantile(outcome.latencies, (0.5, 0.99))
    hours = outcome.replica_seconds / HOUR_SECONDS
    return Row(
        follows,
        images=images,
        replicas_least=min(outcome.replicas),
        replicas_mean=round(float(np.mean(outcome.replicas)), 3),
        replicas_most=max(outcome.replicas),
        p50_ms=round(float(p50) * 1000, 3),
        p99_ms=round(float(p99) * 1000, 3),
        refused_share=outcome.refused / images,
        replica_hours=round(hours, 3),
        cost_per_million=round(cost_per_hour * hours / answered * MILLION, 4),
        replicas_by_hour=_by_hour(outcome.replicas),
    )


def _by_hour(replicas: Sequence[int]) -> tuple[float, ...]:
    looks = HOUR_SECONDS // SYNC_SECONDS
    hours = [replicas[begin : begin + looks] for begin in range(0, len(replicas), looks)]
    return tuple(round(float(np.mean(hour)), 2) for hour in hours)
