"""What replicas follow is what the service exports."""

from __future__ import annotations

import promql_parser as promql
import yaml
from prometheus_client.parser import text_string_to_metric_families

from service.scaling import autoscaler
from tests.docker.chart import VALUES, helm
from tests.docker.folder import DOCKER

ADAPTER = yaml.safe_load((DOCKER / "helm" / "prometheus-adapter.yaml").read_text())
OF_KUBERNETES = {"namespace", "pod"}  # Prometheus Operator puts them on every series


def selected(query: str) -> promql.VectorSelector:
    """Give the one selector of a query."""
    found = []

    def visit(node) -> None:
        if isinstance(node, promql.VectorSelector):
            found.append(node)

    promql.walk(promql.parse(query), visit)
    (selector,) = found
    return selector


def adapter_query() -> promql.VectorSelector:
    """Give what the adapter asks Prometheus for, once it has filled in its templates."""
    (rule,) = ADAPTER["rules"]["custom"]
    series = selected(rule["seriesQuery"])
    query = rule["metricsQuery"].replace("<<.Series>>", series.name)
    query = query.replace("<<.GroupBy>>", "pod")
    return selected(query.replace("<<.LabelMatchers>>", 'namespace="models",pod=~"a|b"'))


def test_the_autoscaler_asks_for_what_the_adapter_offers() -> None:
    metrics = helm().manifest("everything", "HorizontalPodAutoscaler")["spec"]["metrics"]
    (asked,) = (one["pods"]["metric"]["name"] for one in metrics if one["type"] == "Pods")
    (rule,) = ADAPTER["rules"]["custom"]
    assert asked == rule["name"]["as"]
    assert set(rule["resources"]["overrides"]) == OF_KUBERNETES


def test_the_adapter_asks_for_lanes_that_are_exported(embedded) -> None:
    asked = adapter_query()
    (lanes,) = (one.value for one in asked.matchers.matchers if one.name == "lane")
    exported = {
        sample.labels["lane"]
        for family in text_string_to_metric_families(embedded.client.get("/metrics").text)
        for sample in family.samples
        if sample.name == asked.name
    }
    assert exported - set(lanes.split("|")) == {"study"}  # which counts passes and no images
    assert set(lanes.split("|")) <= exported


def test_the_queue_is_longer_than_what_adds_replicas() -> None:
    metrics = helm().manifest("gpu", "HorizontalPodAutoscaler")["spec"]["metrics"]
    (only,) = metrics
    target = int(only["pods"]["target"]["averageValue"])
    assert target * 2 <= VALUES["gpu"]["settings"]["max_queue"]  # else it refuses before help comes


def test_requests_are_scraped_from_where_metrics_are(embedded) -> None:
    (endpoint,) = helm().manifest("everything", "ServiceMonitor")["spec"]["endpoints"]
    assert embedded.client.get(endpoint["path"]).status_code == 200
    (port,) = helm().manifest("everything", "Service")["spec"]["ports"]
    assert endpoint["port"] == port["name"]


def test_the_simulation_of_a_day_scales_as_the_chart_does() -> None:
    behavior = helm().manifest("defaults", "HorizontalPodAutoscaler")["spec"]["behavior"]
    percent, pods = behavior["scaleUp"]["policies"]
    assert 1 + percent["value"] / 100 == autoscaler.GROW_FACTOR
    assert pods["value"] == autoscaler.GROW_BY
    assert {percent["periodSeconds"], pods["periodSeconds"]} == {autoscaler.GROW_SECONDS}
    (down,) = behavior["scaleDown"]["policies"]
    assert (down["value"], down["periodSeconds"]) == (
        autoscaler.SHRINK_BY,
        autoscaler.SHRINK_SECONDS,
    )
    patience = autoscaler.Bounds(1, 2).scale_down_seconds
    assert behavior["scaleDown"]["stabilizationWindowSeconds"] == patience
