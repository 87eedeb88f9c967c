"""How many CPUs this process may really use, and which limit says so.

A container sees all the processors of its host; a pool of that size under a quota of one is several
times slower than one of the right size.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

from service.cgroup import (
    CGROUP_ROOT,
    PROCESS_CGROUP,
    levels_of_version_1,
    levels_of_version_2,
    read_text,
)


@dataclass(frozen=True)
class CpuLimit:
    """CPUs, or a fraction of them, that one thing allows."""

    cpus: float
    source: str


@dataclass(frozen=True)
class CpuBudget:
    """Whole CPUs to use, at least 1, and the limit that decided it."""

    cpus: int
    source: str


def cpu_budget(cgroup_root: Path = CGROUP_ROOT, process_cgroup: Path = PROCESS_CGROUP) -> CpuBudget:
    """Give the smallest of all limits.

    A fraction of a CPU counts as a whole one: 1.5 gives 2, since a thread more than the quota costs
    less than a CPU left idle.
    """
    least = min(cpu_limits(cgroup_root, process_cgroup), key=lambda limit: limit.cpus)
    return CpuBudget(max(1, math.ceil(least.cpus)), least.source)


def cpu_limits(
    cgroup_root: Path = CGROUP_ROOT, process_cgroup: Path = PROCESS_CGROUP
) -> list[CpuLimit]:
    """Give machine, affinity, cgroup v2 `cpu.max` and v1 quota at every level, where they limit."""
    limits = [CpuLimit(os.cpu_count() or 1, "machine")]
    if hasattr(os, "sched_getaffinity"):
        limits.append(CpuLimit(len(os.sched_getaffinity(0)), "affinity"))
    for level in levels_of_version_2(cgroup_root, process_cgroup):
        quota, _, period = read_text(level / "cpu.max").partition(" ")
        limits += _quota(quota, period, level / "cpu.max")
    for level in levels_of_version_1(cgroup_root, process_cgroup, "cpu"):
        period = read_text(level / "cpu.cfs_period_us")
        file = level / "cpu.cfs_quota_us"
        limits += _quota(read_text(file), period, file)
    return limits


def threads_of_a_worker(threads: int, workers: int, cpus: int) -> int:
    """Give the threads asked for, or each worker's share of the CPUs where that is 0."""
    return threads or max(1, cpus // workers)


def _quota(quota: str, period: str, file: Path) -> list[CpuLimit]:
    if quota.isdigit() and period.isdigit():  # `max`, and in version 1 a quota of -1, is none
        return [CpuLimit(int(quota) / int(period), str(file))]
    return []
