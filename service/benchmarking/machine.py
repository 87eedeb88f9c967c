"""Where and with what something was measured."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import onnxruntime

from service import __version__
from service.budget import cpu_budget


@dataclass(frozen=True)
class Machine:
    """Where and with what it was measured; `threads` are those of the service's engine."""

    date: str
    processor: str
    cpus: int
    threads: int
    load_before: float
    versions: dict[str, str]

    def __str__(self) -> str:
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return (
            f"{self.date}: {self.processor}, {self.cpus} CPUs, {self.threads} engine threads, "
            f"load {self.load_before:.1f} before; {versions}"
        )


def this_machine(threads: int) -> Machine:
    """Describe this machine."""
    return Machine(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        processor=processor(),
        cpus=cpu_budget().cpus,
        threads=threads,
        load_before=os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0,  # not on Windows
        versions={
            "vitrine": __version__,
            "python": platform.python_version(),
            "onnxruntime": onnxruntime.__version__,
        },
    )


def processor(cpu_info: Path = Path("/proc/cpuinfo")) -> str:
    """Name the CPU model, as far as the system says."""
    try:
        lines = cpu_info.read_text().splitlines()
    except OSError:  # not Linux
        lines = []
    names = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
