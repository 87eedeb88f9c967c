"""How much memory this process may use, which limit says so, and what of it is left."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from service.cgroup import (
    CGROUP_ROOT,
    PROCESS_CGROUP,
    levels_of_version_1,
    levels_of_version_2,
    read_text,
)

MEMORY_FILE = Path("/proc/meminfo")
UNLIMITED = 2**60  # how version 1 writes that there is no limit is near 2^63


@dataclass(frozen=True)
class MemoryLimit:
    """Bytes that one thing allows, and those of them that are left, where it says so."""

    limit_bytes: int
    available_bytes: int | None
    source: str


def memory_limits(
    cgroup_root: Path = CGROUP_ROOT,
    process_cgroup: Path = PROCESS_CGROUP,
    memory_file: Path = MEMORY_FILE,
) -> list[MemoryLimit]:
    """Give machine, cgroup v2 `memory.max` and v1 limit at every level, where they limit."""
    limits = [MemoryLimit(_machine_bytes(), _machine_available(memory_file), "machine")]
    for level in levels_of_version_2(cgroup_root, process_cgroup):
        limits += _group(level, "memory.max", "memory.current", "inactive_file")
    for level in levels_of_version_1(cgroup_root, process_cgroup, "memory"):
        limits += _group(
            level, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
        )
    return limits


def _group(level: Path, limit: str, used: str, reclaimable: str) -> list[MemoryLimit]:
    text = read_text(level / limit)
    if not text.isdigit() or int(text) >= UNLIMITED:
        return []
    held = _used(read_text(level / used), read_text(level / "memory.stat"), reclaimable)
    left = None if held is None else max(0, int(text) - held)
    return [MemoryLimit(int(text), left, str(level / limit))]


def _used(used: str, statistics: str, reclaimable: str) -> int | None:
    """Leave out cached files that nobody reads: they make room for whoever needs it."""
    found = re.search(rf"^{reclaimable} (\d+)$", statistics, re.MULTILINE)
    return int(used) - int(found[1] if found else 0) if used.isdigit() else None


def _machine_bytes() -> int:
    if not hasattr(os, "sysconf"):  # not a Unix: nothing is known to limit it
        return UNLIMITED
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _machine_available(memory_file: Path) -> int | None:
    found = re.search(r"^MemAvailable: +(\d+) kB$", read_text(memory_file), re.MULTILINE)
    return int(found[1]) * 1024 if found else None
