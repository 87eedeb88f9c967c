"""Which settings suit this machine and model: what is tried, and which is best."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from service.benchmarking.line import Line
from service.benchmarking.sample import Sample
from service.benchmarking.table import table

CALLERS = (1, 8, 32)


class Choice(NamedTuple):
    """Settings of the service that are tried together; 0 workers where there is no such setting."""

    workers: int
    threads: int
    max_batch_size: int

    @property
    def variables(self) -> dict[str, str]:
        """The variables that make `vitrine serve` start with them."""
        named = {"VITRINE_WORKERS": self.workers} if self.workers else {}
        named |= {"VITRINE_THREADS": self.threads, "VITRINE_MAX_BATCH_SIZE": self.max_batch_size}
        return {name: str(value) for name, value in named.items()}

    def __str__(self) -> str:
        workers = f"workers {self.workers}, " if self.workers else ""
        return f"{workers}threads {self.threads}, batch {self.max_batch_size}"


@dataclass(frozen=True)
class Trial:
    """A choice, what it gave with each number of callers, and how it compares.

    `score` is the geometric mean over the numbers of callers of its throughput over the best one's.
    """

    choice: Choice
    lines: dict[int, Line]
    score: float


def combinations(cpus: int, max_batch_size: int, *, has_workers: bool) -> list[Choice]:
    """List workers and threads that together use the CPUs, and one process with fewer threads."""
    powers = [2**power for power in range(int(math.log2(cpus)) + 1)]
    threads = sorted({*powers, cpus})
    alone = [Choice(int(has_workers), count, max_batch_size) for count in threads]
    if not has_workers:
        return alone
    several = {(workers, cpus // workers) for workers in threads if workers > 1}
    return alone + [Choice(*shared, max_batch_size) for shared in sorted(several)]


def other_batches(best: Choice) -> list[Choice]:
    """List the best choice with smaller and larger batches."""
    size = best.max_batch_size
    return [best._replace(max_batch_size=other) for other in (max(1, size // 2), 2 * size)]


def trials(samples: Mapping[tuple[Choice, int], Sequence[Sample]]) -> list[Trial]:
    """Compare choices, the best first."""
    rates = {
        key: Line.of(str(key[0]), found).images_per_second.median for key, found in samples.items()
    }
    callers = sorted({count for _, count in samples})
    best = {count: max(rate for (_, of), rate in rates.items() if of == count) for count in callers}
    found = [
        Trial(
            choice=choice,
            lines={count: Line.of(str(choice), samples[choice, count]) for count in callers},
            score=math.prod(rates[choice, count] / best[count] for count in callers)
            ** (1 / len(callers)),
        )
        for choice in dict.fromkeys(choice for choice, _ in samples)
    ]
    return sorted(found, key=lambda trial: -trial.score)


def trial_table(found: Sequence[Trial]) -> str:
    """Write what was tried, the best first."""
    callers = list(found[0].lines)
    head = ["settings", *(f"images/s, {count} callers" for count in callers)]
    head += [*(f"p99 ms, {count}" for count in callers), "score"]
    return table(head, [_row(trial) for trial in found])


def environment_file(best: Choice, comment: str) -> str:
    """Write the variables of a choice, to be read by a shell, Docker or systemd."""
    lines = [f"# {line}" for line in comment.splitlines()]
    lines += [f"{name}={value}" for name, value in best.variables.items()]
    return "\n".join(lines) + "\n"


def _row(trial: Trial) -> list[str]:
    latencies = [line.latency_ms for line in trial.lines.values()]
    return [
        str(trial.choice),
        *(str(line.images_per_second) for line in trial.lines.values()),
        *(f"{latency.p99:.1f}" if latency else "-" for latency in latencies),
        f"{trial.score:.3f}",
    ]
