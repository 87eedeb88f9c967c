"""Metrics of several workers as one: each writes its own files, whoever is scraped adds them up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, values
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from service.shared_folder import metrics_folder, read_counts


def write_metrics_to_files(seat: int) -> None:
    """Let metrics that are made from now on write to a seat's files in PROMETHEUS_MULTIPROC_DIR.

    A seat's next worker counts on in its files: counters never go back, and files do not pile up.
    """
    values.ValueClass = values.MultiProcessValue(lambda: seat)  # type: ignore[no-untyped-call]


def shared_registry(folder: Path) -> CollectorRegistry:
    """Give what is scraped: the sum of all workers that ever were, and how many there are."""
    registry = CollectorRegistry()
    registry.register(SharedMetrics(folder))
    return registry


class SharedMetrics(Collector):
    """The metrics in a shared folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def collect(self) -> Iterator[Metric]:
        """Add up the workers' files, and tell the supervisor's counts."""
        yield from MultiProcessCollector.merge(self._files())  # type: ignore[no-untyped-call]
        counts = read_counts(self.folder)
        yield GaugeMetricFamily("vitrine_workers", "Worker processes ready", counts.ready)
        yield CounterMetricFamily(
            "vitrine_worker_restarts",
            "Worker processes started in place of one that died",
            counts.restarts,
        )

    def _files(self) -> list[str]:
        # A file that was opened just now is empty, which the client library cannot read.
        files = metrics_folder(self.folder).glob("*.db")
        return [str(file) for file in files if _size(file)]


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # its worker ended since it was found
        return 0
