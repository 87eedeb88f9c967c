"""A real Prometheus scrapes a real Vitrine and answers every query of the dashboard."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from service.settings import EMBEDDED_BUNDLES
from tests.docker.folder import DOCKER
from tests.docker.queries import QUERIES
from tests.service.live import PATIENCE_SECONDS, command
from tests.service.pictures import draw, encode
from tests.service.waiting import until

pytestmark = pytest.mark.skipif(not shutil.which("prometheus"), reason="needs prometheus")

# No 5xx, no cache, no reload and no second worker is asked for here.
NOT_HAPPENED = {
    "panel Share of server errors",
    "panel Result cache",
    "panel Reloads",
    "panel Workers",
}


def configuration(target: str) -> str:
    """Give docker/prometheus/prometheus.yml for this target, each second."""
    read = yaml.safe_load((DOCKER / "prometheus/prometheus.yml").read_text())
    read["global"] = dict.fromkeys(read["global"], "1s")
    read["scrape_configs"][0]["static_configs"][0]["targets"] = [target]
    return yaml.safe_dump(read)


@pytest.fixture(scope="module")
def vitrine() -> Iterator[str]:
    """The address of a served Vitrine that was asked for this and that."""
    picture = encode(draw())
    with (
        command(EMBEDDED_BUNDLES) as server,
        httpx.Client(base_url=server.address, timeout=PATIENCE_SECONDS) as client,
    ):
        assert client.post("/classify", content=picture).status_code == 200
        assert client.post("/explain?method=occlusion", content=picture).status_code == 200
        assert client.post("/classify", content=b"no picture").status_code == 415
        yield "{}:{}".format(*server.host_and_port)


@pytest.fixture(scope="module")
def prometheus(vitrine, tmp_path_factory) -> Iterator[httpx.Client]:
    """Prometheus, once it has scraped the target often enough for rates."""
    folder = tmp_path_factory.mktemp("prometheus")
    shutil.copy(DOCKER / "prometheus/alerts.yml", folder)
    (folder / "prometheus.yml").write_text(configuration(vitrine))
    options = ["--config.file=prometheus.yml", "--web.listen-address=127.0.0.1:0"]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(["prometheus", *options], cwd=folder, stdout=log, stderr=log) as process,
    ):
        try:
            until(lambda: listening(folder / "log") or process.poll() is not None)
            address = listening(folder / "log")
            assert address, (folder / "log").read_text()
            with httpx.Client(base_url=f"http://{address}", timeout=PATIENCE_SECONDS) as client:
                until(lambda: any(values(client, "count_over_time(vitrine_ready[1m]) >= 3")))
                yield client
        finally:
            process.terminate()


def listening(log: Path) -> str | None:
    found = re.search(r'msg="Listening on" address=(\S+)', log.read_text())
    return found and found[1]


def ask(client: httpx.Client, path: str, **parameters: str) -> Any:
    response = client.get(f"/api/v1/{path}", params=parameters)
    if response.status_code == 503:  # not yet ready to answer
        return {"result": []}
    answer = response.json()
    assert answer["status"] == "success", answer
    assert not answer.get("warnings"), answer
    return answer["data"]


def values(client: httpx.Client, query: str) -> list[float]:
    return [float(series["value"][1]) for series in ask(client, "query", query=query)["result"]]


def test_the_target_is_up_and_ready(prometheus, vitrine) -> None:
    (target,) = ask(prometheus, "targets")["activeTargets"]
    assert target["health"] == "up"
    assert target["labels"] == {"instance": vitrine, "job": "vitrine"}
    assert values(prometheus, 'min(vitrine_ready{job="vitrine"})') == [1]


@pytest.mark.parametrize(("where", "query", "told"), QUERIES, ids=[where for where, *_ in QUERIES])
def test_a_panel_shows_what_has_happened_and_no_alert_fires(prometheus, where, query, told) -> None:
    has_happened = where.startswith("panel ") and where not in NOT_HAPPENED
    assert bool(values(prometheus, query)) == has_happened


def test_every_rule_is_evaluated(prometheus) -> None:
    (group,) = ask(prometheus, "rules")["groups"]
    assert {rule["health"] for rule in group["rules"]} == {"ok"}
