"""Every query of the dashboard and the alerts, as Grafana and Prometheus ask it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import yaml

from tests.docker.folder import DOCKER

DASHBOARD = json.loads((DOCKER / "grafana/dashboards/vitrine.json").read_text())
ALERTS = yaml.safe_load((DOCKER / "prometheus/alerts.yml").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
GRAFANA_VARIABLES = {
    "$__rate_interval": "5m",
    "$job": ".*",
    "$instance": ".*",
    "$route": ".*",
}


def queries() -> Iterator[tuple[str, str, str]]:
    """Give where each query stands, the query, and the text that names its series."""
    for panel in PANELS:
        for target in panel["targets"]:
            query = target["expr"]
            for variable, value in GRAFANA_VARIABLES.items():
                query = query.replace(variable, value)
            yield f"panel {panel['title']}", query, target["legendFormat"]
    for group in ALERTS["groups"]:
        for rule in group["rules"]:
            told = " ".join(rule["annotations"].values())
            yield f"alert {rule['alert']}", rule["expr"], told.replace("$labels.", "")


QUERIES = list(queries())
