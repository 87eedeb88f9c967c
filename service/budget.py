"""How many CPUs this process may really use, and which limit says so.

A container sees all the processors of its host; a pool of that size under a quota of one is several
times slower than one of the right size.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

CGROUP_ROOT = Path("/sys/fs/cgroup")
PROCESS_CGROUP = Path("/proc/self/cgroup")


@dataclass(frozen=True)
class CpuBudget:
    """Whole CPUs to use, at least 1, and the limit that decided it."""

    cpus: int
    source: str


def cpu_budget(cgroup_root: Path = CGROUP_ROOT, process_cgroup: Path = PROCESS_CGROUP) -> CpuBudget:
    """Give the smallest of machine, affinity, cgroup v2 `cpu.max` at every level and v1 quota.

    A fraction of a CPU counts as a whole one: 1.5 gives 2, since a thread more than the quota costs
    less than a CPU left idle.
    """
    limits: list[tuple[float, str]] = [(os.cpu_count() or 1, "machine")]
    if hasattr(os, "sched_getaffinity"):
        limits.append((len(os.sched_getaffinity(0)), "affinity"))
    limits.extend(_cgroup2_limits(cgroup_root, process_cgroup))
    limits.extend(_cgroup1_limits(cgroup_root))
    cpus, source = min(limits, key=lambda limit: limit[0])
    return CpuBudget(max(1, math.ceil(cpus)), source)


def _cgroup2_limits(root: Path, process_cgroup: Path) -> list[tuple[float, str]]:
    own = _own_cgroup(root, process_cgroup)
    levels = [own, *(parent for parent in own.parents if parent.is_relative_to(root))]
    limits = []
    for level in levels:
        quota, _, period = _read(level / "cpu.max").partition(" ")
        if quota.isdigit() and period.isdigit():
            limits.append((int(quota) / int(period), f"{level / 'cpu.max'}"))
    return limits


def _own_cgroup(root: Path, process_cgroup: Path) -> Path:
    for line in _read(process_cgroup).splitlines():
        if line.startswith("0::"):
            return root / line.removeprefix("0::").lstrip("/")
    return root


def _cgroup1_limits(root: Path) -> list[tuple[float, str]]:
    folder = root / "cpu"
    quota, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
    if quota.isdigit() and period.isdigit():  # a quota of -1 is none
        return [(int(quota) / int(period), f"{folder / 'cpu.cfs_quota_us'}")]
    return []


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:  # not this kind of system
        return ""
