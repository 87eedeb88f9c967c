"""CPU time that other machines on the same host took from this one, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from service.benchmarking.sample import Sample

STATISTICS = Path("/proc/stat")
STEAL = 7  # user nice system idle iowait irq softirq steal; guest times are within user and nice
MUCH = 0.05
ATTEMPTS = 3


@dataclass(frozen=True)
class CpuTimes:
    """CPU time of all CPUs since the start, in ticks: the stolen part, and everything."""

    stolen: int
    all: int

    def stolen_since(self, before: CpuTimes) -> float:
        """Give the share of CPU time that was stolen from then to now."""
        passed = self.all - before.all
        return (self.stolen - before.stolen) / passed if passed > 0 else 0.0


def cpu_times(statistics: Path = STATISTICS) -> CpuTimes:
    """Read what the system counted; nothing is stolen where it does not say."""
    try:
        line = statistics.read_text().partition("\n")[0]
    except OSError:  # not Linux
        return CpuTimes(0, 0)
    ticks = [int(field) for field in line.split()[1 : STEAL + 2]]
    return CpuTimes(ticks[STEAL], sum(ticks)) if len(ticks) > STEAL else CpuTimes(0, sum(ticks))


def undisturbed(
    measure: Callable[[float], Sample],
    seconds: float,
    times: Callable[[], CpuTimes] = cpu_times,
    attempts: int = ATTEMPTS,
) -> Sample:
    """Measure, and again while more than MUCH was stolen, `attempts` times at most.

    Gives the sample that lost least, which says how much that was.
    """
    samples: list[Sample] = []
    while not samples or (samples[-1].stolen > MUCH and len(samples) < attempts):
        before = times()
        sample = measure(seconds)
        samples.append(replace(sample, stolen=times().stolen_since(before)))
    best = min(samples, key=lambda sample: sample.stolen)
    return replace(best, repeats=len(samples) - 1)
