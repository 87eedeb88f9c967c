"""What a process holds in memory, with all the processes it started."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

PROCESSES = Path("/proc")
MEGABYTE = 1e6


@dataclass(frozen=True)
class Memory:
    """What processes hold: all of it, and with shared pages divided among those who share."""

    resident_bytes: int
    proportional_bytes: int

    @property
    def megabytes(self) -> float:
        """The proportional figure, in millions of bytes."""
        return self.proportional_bytes / MEGABYTE


def memory(pid: int, processes: Path = PROCESSES) -> Memory | None:
    """Give the memory of a process and of those it started, or nothing where none is told."""
    held = [found for one in process_tree(pid, processes) if (found := _memory_of(one, processes))]
    if not held:
        return None
    return Memory(
        sum(one.resident_bytes for one in held), sum(one.proportional_bytes for one in held)
    )


def process_tree(pid: int, processes: Path = PROCESSES) -> list[int]:
    """List a process and all that it started, itself first."""
    children: dict[int, list[int]] = {}
    for path in processes.glob("[0-9]*/stat"):
        if (parent := _parent(path)) is not None:
            children.setdefault(parent, []).append(int(path.parent.name))
    tree = [pid]
    for one in tree:  # it grows while it is walked
        tree.extend(children.get(one, ()))
    return tree


def _parent(path: Path) -> int | None:
    try:
        # the name stands in parentheses and may hold anything
        return int(path.read_text().rpartition(")")[2].split()[1])
    except OSError:  # it ended meanwhile
        return None


def _memory_of(pid: int, processes: Path) -> Memory | None:
    try:
        text = (processes / str(pid) / "smaps_rollup").read_text()
    except OSError:  # not Linux, or it ended meanwhile
        return None
    kilobytes = dict(re.findall(r"^(\w+): +(\d+) kB$", text, re.MULTILINE))
    if not kilobytes:
        return None
    return Memory(int(kilobytes["Rss"]) * 1024, int(kilobytes["Pss"]) * 1024)
