"""Metrics of all replicas in one answer: whichever is asked, each series says whose it is.

A series of one replica only ever grows with that replica, so that rates are true although a scrape
reaches another one each time. Those of a replica that ended go, as a scrape target would.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

LABEL = "replica"
Families = Sequence[Metric]


def families_of(replica: str, registry: CollectorRegistry) -> Families:
    """Take down the metrics of one replica, with its label; they can be sent elsewhere."""
    return [_labelled(family, replica) for family in registry.collect()]


def registry_of(replicas: Iterable[Families]) -> CollectorRegistry:
    """Give what is scraped: the metrics of these replicas together."""
    registry = CollectorRegistry()
    registry.register(_AllReplicas(replicas))
    return registry


class _AllReplicas(Collector):
    def __init__(self, replicas: Iterable[Families]) -> None:
        self._replicas = list(replicas)

    def collect(self) -> Iterator[Metric]:
        """Give each family once, with the series of all replicas."""
        together: dict[str, Metric] = {}
        for families in self._replicas:
            for family in families:
                first = together.setdefault(family.name, _empty(family))
                first.samples += family.samples
        yield from together.values()


def _labelled(family: Metric, replica: str) -> Metric:
    labelled = _empty(family)
    labelled.samples = [
        Sample(one.name, {**one.labels, LABEL: replica}, one.value) for one in family.samples
    ]
    return labelled


def _empty(family: Metric) -> Metric:
    return Metric(family.name, family.documentation, family.type, family.unit)
