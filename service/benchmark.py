"""Placeholder of the benchmark."""

from pathlib import Path


def benchmark(bundles: Path) -> None:
    """Measure."""
