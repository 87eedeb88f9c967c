"""What docs/operating.md says of metrics and logs is what there is."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client import ProcessCollector
from prometheus_client.metrics import MetricWrapperBase

from service.metrics import Metrics

OPERATING = (Path(__file__).parents[2] / "docs/operating.md").read_text()


def test_every_metric_has_its_row_with_its_labels() -> None:
    described = {
        name: re.findall(r"`(\w+)`", labels)
        for name, labels in re.findall(
            r"^\| `(vitrine_\w+)` \| (.*?) ?\| ", OPERATING, re.MULTILINE
        )
    }
    exported = {
        f"{metric._name}_total" if metric._type == "counter" else metric._name: [
            *metric._labelnames
        ]
        for metric in vars(Metrics()).values()
        if isinstance(metric, MetricWrapperBase)
    }
    assert described == exported


def test_every_metric_of_the_process_is_named() -> None:
    for family in ProcessCollector(registry=None).collect():
        for sample in family.samples:
            assert f"`{sample.name}`" in OPERATING
