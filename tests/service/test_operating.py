"""What docs/operating.md says of metrics, settings and commands is what there is."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client import ProcessCollector
from prometheus_client.metrics import MetricWrapperBase

from service.metrics import Metrics
from service.settings import Settings

ROOT = Path(__file__).parents[2]
OPERATING = (ROOT / "docs/operating.md").read_text()
OF_OTHER_COMMANDS = {"--admin", "--data-binary", "--file", "--json", "--time"}


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


def test_every_flag_that_is_named_is_a_setting() -> None:
    named = set(re.findall(r"(?<![\w-])--[a-z]+(?:-[a-z]+)*", OPERATING))
    settings = {f"--{name.replace('_', '-')}" for name in Settings.model_fields}
    assert named - OF_OTHER_COMMANDS <= settings
    assert len(named & settings) > 20


def test_every_link_leads_to_a_heading() -> None:
    headings = {
        document: {_anchor(line) for line in re.findall(r"^#+ (.*)", text, re.MULTILINE)}
        for document in ("README.md", "docs/operating.md")
        for text in [(ROOT / document).read_text()]
    }
    inside = set(re.findall(r"\]\(#([\w-]+)\)", OPERATING))
    from_readme = set(
        re.findall(r"\]\(docs/operating\.md#([\w-]+)\)", (ROOT / "README.md").read_text())
    )
    to_readme = set(re.findall(r"\]\(\.\./README\.md#([\w-]+)\)", OPERATING))
    assert inside | from_readme <= headings["docs/operating.md"]
    assert to_readme <= headings["README.md"]
    assert len(inside) > 2
    assert from_readme
    assert to_readme


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
