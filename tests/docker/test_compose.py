"""The compose files start what they say, as tightly closed as the README asks for."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from service.settings import Settings
from tests.docker.compose import COMPOSE, COMPOSE_GPU, mounts, services
from tests.docker.folder import DOCKER, ROOT

SERVICES = services(COMPOSE)
VITRINE = SERVICES["vitrine"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PROVISIONING = DOCKER / "grafana/provisioning"


def read(path: Path) -> dict:
    return yaml.safe_load(path.read_text())


def seconds(duration: str) -> float:
    found = re.fullmatch(r"(\d+)s", duration)
    assert found, duration
    return float(found[1])


@pytest.mark.parametrize("path", [COMPOSE, COMPOSE_GPU], ids=lambda path: path.name)
def test_the_published_schema_of_compose_files_holds(path) -> None:
    pytest.importorskip("check_jsonschema", reason="needs check-jsonschema, which carries it")
    options = ["--builtin-schema", "vendor.compose-spec", str(path)]
    ended = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *options], capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_every_variable_of_vitrine_is_a_setting_with_a_valid_value() -> None:
    names = {f"VITRINE_{field}".upper() for field in Settings.model_fields}
    given = {k: v for k, v in VITRINE["environment"].items() if k.startswith("VITRINE_")}
    assert given
    assert set(given) <= names
    assert set(re.findall(r"VITRINE_[A-Z_]+(?==)", DOCKERFILE)) <= names
    Settings(**{name.removeprefix("VITRINE_").lower(): value for name, value in given.items()})


def test_docker_waits_longer_than_the_drain_before_it_kills() -> None:
    variables = VITRINE["environment"]
    drain = float(variables["VITRINE_DRAIN_SECONDS"])
    delay = float(variables["VITRINE_DRAIN_DELAY_SECONDS"])
    assert seconds(VITRINE["stop_grace_period"]) > drain + delay


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_cannot_write_gain_rights_or_take_all_memory(name) -> None:
    service = SERVICES[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"\d+m", service["mem_limit"])


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_published_on_the_loopback_address_alone(name) -> None:
    (port,) = SERVICES[name]["ports"]
    assert port.startswith("127.0.0.1:")


@pytest.mark.parametrize("name", ["prometheus", "grafana"])
def test_an_image_from_elsewhere_is_of_one_version(name) -> None:
    assert re.fullmatch(r"[\w/]+:v?\d+\.\d+\.\d+", SERVICES[name]["image"])


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_exists(name) -> None:
    volumes = read(COMPOSE)["volumes"]
    for source in mounts(SERVICES[name]).values():
        assert source in volumes or (DOCKER / source).is_dir(), source


def test_prometheus_scrapes_the_port_that_vitrine_listens_on() -> None:
    scraped = read(DOCKER / "prometheus/prometheus.yml")
    (job,) = scraped["scrape_configs"]
    (port,) = re.findall(r"VITRINE_PORT=(\d+)", DOCKERFILE)
    assert job["static_configs"] == [{"targets": [f"vitrine:{port}"]}]
    assert VITRINE["ports"][0].endswith(f":{port}")


def test_the_health_check_is_the_images_own() -> None:
    assert "test" not in VITRINE["healthcheck"]
    assert "HEALTHCHECK" in DOCKERFILE


def test_grafana_reads_from_this_prometheus_at_its_interval() -> None:
    (source,) = read(PROVISIONING / "datasources/prometheus.yml")["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert SERVICES["prometheus"]["ports"] == ["127.0.0.1:9090:9090"]
    scraped = read(DOCKER / "prometheus/prometheus.yml")
    assert source["jsonData"]["timeInterval"] == scraped["global"]["scrape_interval"]
    assert source["isDefault"]


def test_grafana_finds_the_dashboard_that_it_opens_with() -> None:
    (provider,) = read(PROVISIONING / "dashboards/vitrine.yml")["providers"]
    folder = Path(provider["options"]["path"])
    home = Path(SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert home.parent == folder
    source = DOCKER / mounts(SERVICES["grafana"])[str(folder)]
    assert json.loads((source / home.name).read_text())["title"] == "Vitrine"


def test_the_dashboard_takes_whatever_prometheus_is_provisioned() -> None:
    dashboard = json.loads((DOCKER / "grafana/dashboards/vitrine.json").read_text())
    used = {panel["datasource"]["uid"] for panel in dashboard["panels"] if "datasource" in panel}
    assert used == {"${datasource}"}


def test_the_gpu_file_asks_for_one_gpu_and_the_image_for_it() -> None:
    changed = services(COMPOSE_GPU)["vitrine"]
    (device,) = changed["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}
    assert f"AS {changed['build']['target']}\n" in DOCKERFILE
    assert "VITRINE_PROVIDER=cuda" in DOCKERFILE
    assert (DOCKER / f"requirements/{changed['build']['args']['EXTRAS']}.txt").exists()
