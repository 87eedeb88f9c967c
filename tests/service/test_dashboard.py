"""Dashboard and alerts ask for what is exported, and for all of it."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import promql_parser as promql
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.docker.folder import DOCKER
from tests.docker.queries import DASHBOARD, PANELS, QUERIES
from tests.service.live import Live
from tests.service.pictures import draw, encode

PROMETHEUS_ADDS = {"job", "instance", "le"}  # and le is of every histogram
PROMETHEUS_EXPORTS = {"up"}
# Exported where several worker processes serve, which this test does not start.
OF_SEVERAL_WORKERS = {"vitrine_workers", "vitrine_worker_restarts_total"}
# Exported, and rightly not on the dashboard. There is none so far.
NOT_ON_THE_DASHBOARD: set[str] = set()


def selectors(query: str) -> dict[str, set[str]]:
    """Give the metrics that a query selects, with the labels that it matches."""
    found: dict[str, set[str]] = {}

    def visit(node: Any) -> None:
        if isinstance(node, promql.MatrixSelector):
            node = node.vector_selector
        if isinstance(node, promql.VectorSelector):
            labels = {matcher.name for matcher in node.matchers.matchers}
            found.setdefault(node.name, set()).update(labels)

    promql.walk(promql.parse(query), visit)
    return found


def grouped(query: str) -> set[str]:
    """Give the labels that a query groups by."""
    labels: set[str] = set()

    def visit(node: Any) -> None:
        if isinstance(node, promql.AggregateExpr) and node.modifier:
            labels.update(node.modifier.labels)

    promql.walk(promql.parse(query), visit)
    return labels


@pytest.fixture(scope="module")
def exported(live: Live) -> dict[str, set[str]]:
    """Every sample's name and labels, once everything was asked for."""
    picture = encode(draw())
    live.client.post("/classify", content=picture)
    live.client.post("/explain?method=occlusion", content=picture)
    live.client.post("/classify", content=b"no picture")
    metrics = live.context.metrics  # what has not happened is told of as soon as it is named
    metrics.batch_padding.labels("classify")
    metrics.cache_requests.labels("hit")
    metrics.reloads.labels("tiny", "succeeded")
    samples: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(live.client.get("/metrics").text):
        for sample in family.samples:
            if not sample.name.endswith("_created"):
                samples.setdefault(sample.name, set()).update(sample.labels)
    return samples


@pytest.mark.parametrize(("where", "query", "told"), QUERIES, ids=[where for where, *_ in QUERIES])
def test_every_metric_and_label_that_is_asked_for_is_exported(exported, where, query, told) -> None:
    selected = selectors(query)
    assert selected
    known: set[str] = set(PROMETHEUS_ADDS)
    for name, labels in selected.items():
        if name in PROMETHEUS_EXPORTS | OF_SEVERAL_WORKERS:
            continue
        assert name in exported
        assert labels <= exported[name] | PROMETHEUS_ADDS, name
        known |= exported[name]
    assert grouped(query) <= known
    assert set(re.findall(r"\{\{ ?(\w+) ?\}\}", told)) <= grouped(query) | PROMETHEUS_ADDS


def test_every_metric_of_vitrine_is_on_the_dashboard(exported) -> None:
    shown = {
        re.sub(r"_(bucket|sum|count)$", "", n) for _, query, _ in QUERIES for n in selectors(query)
    }
    ours = {re.sub(r"_(bucket|sum|count)$", "", n) for n in exported if n.startswith("vitrine_")}
    assert ours - shown == NOT_ON_THE_DASHBOARD


def test_panels_do_not_cover_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_every_panel_says_what_it_shows_and_has_an_id_of_its_own() -> None:
    assert all(panel["description"] for panel in PANELS)
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))


@pytest.mark.skipif(not shutil.which("promtool"), reason="needs promtool")
@pytest.mark.parametrize("arguments", ["check config prometheus.yml", "test rules alerts_test.yml"])
def test_prometheus_takes_the_configuration_and_the_alerts_fire_as_they_should(arguments) -> None:
    ended = subprocess.run(
        ["promtool", *arguments.split()],
        cwd=DOCKER / "prometheus",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
