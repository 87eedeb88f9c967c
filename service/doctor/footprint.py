"""What this process holds in memory."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from service.cgroup import read_text

MAPPINGS = Path("/proc/self/smaps_rollup")


@dataclass(frozen=True)
class Footprint:
    """Bytes that each worker has for itself, and bytes of files that all of them read together."""

    own_bytes: int
    shared_bytes: int

    def of_workers(self, workers: int) -> int:
        """Give what so many take together."""
        return workers * self.own_bytes + self.shared_bytes


def footprint(mappings: Path = MAPPINGS) -> Footprint:
    """Measure it; where the system does not tell files apart, all counts as each worker's own."""
    kilobytes = {
        name: int(count)
        for name, count in re.findall(r"^(\w+): +(\d+) kB$", read_text(mappings), re.MULTILINE)
    }
    if {"Rss", "Anonymous"} <= kilobytes.keys():
        own = kilobytes["Anonymous"]
        return Footprint(own * 1024, (kilobytes["Rss"] - own) * 1024)
    return Footprint(_peak_bytes(), 0)


def _peak_bytes() -> int:
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes
