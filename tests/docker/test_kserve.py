"""The manifests for KServe are valid, safe, and true of the service."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from service.settings import EMBEDDED_BUNDLES, Settings
from tests.docker.folder import DOCKER
from tests.docker.pods import (
    ROUTES,
    VERSIONS,
    breaches,
    check_by_schema,
    grace_needed,
    service_of,
    variables,
)
from tests.service.pictures import draw, encode, text_of

MANIFESTS = {path.stem: yaml.safe_load(path.read_text()) for path in (DOCKER / "kserve").iterdir()}
PREDICTOR = MANIFESTS["custom-predictor"]["spec"]["predictor"]
RUNTIME = MANIFESTS["serving-runtime"]["spec"]
MODEL = MANIFESTS["model"]["spec"]["predictor"]
OF_KSERVE = {"minReplicas", "maxReplicas", "scaleMetric", "scaleTarget", "model"}
PODS: dict[str, Any] = {
    "custom predictor": {k: v for k, v in PREDICTOR.items() if k not in OF_KSERVE},
    "runtime and model": {
        **{k: v for k, v in MODEL.items() if k not in OF_KSERVE},
        "containers": RUNTIME["containers"],
    },
}
both = pytest.mark.parametrize("name", PODS)


@both
@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_takes_the_pod(name, version) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": PODS[name]}
    check_by_schema(pod, version)


@both
def test_the_pod_keeps_the_restricted_standard(name) -> None:
    assert list(breaches(PODS[name])) == []


@both
def test_probes_ask_routes_that_answer(name, embedded) -> None:
    container = service_of(PODS[name])
    asked = {probe: container[probe]["httpGet"]["path"] for probe in ROUTES}
    assert asked == ROUTES
    assert all(embedded.client.get(path).status_code == 200 for path in asked.values())
    ports = {container[probe]["httpGet"]["port"] for probe in ROUTES}
    assert ports == {container["ports"][0]["containerPort"]}
    assert variables(container)["VITRINE_PORT"] == str(*ports)


@both
def test_every_variable_is_a_setting(name) -> None:
    container = service_of(PODS[name])
    ours = {one for one in variables(container) if one.startswith("VITRINE_")}
    assert {one.removeprefix("VITRINE_").lower() for one in ours} <= set(Settings.model_fields)


@both
def test_the_grace_period_is_longer_than_the_drain(name) -> None:
    container = service_of(PODS[name])
    assert PODS[name]["terminationGracePeriodSeconds"] >= grace_needed(container) + 5


@both
def test_a_service_of_the_same_name_cannot_change_a_setting(name) -> None:
    assert PODS[name]["enableServiceLinks"] is False


def test_the_name_is_that_of_the_model_and_its_protocols_are_spoken(embedded) -> None:
    model = MANIFESTS["custom-predictor"]["metadata"]["name"]
    assert (EMBEDDED_BUNDLES / model).is_dir()
    picture = {"instances": [{"b64": text_of(encode(draw()))}]}
    assert embedded.client.get(f"/v2/models/{model}/ready").status_code == 200
    assert embedded.client.get(f"/v1/models/{model}").status_code == 200
    assert embedded.client.post(f"/v1/models/{model}:predict", json=picture).status_code == 200
    assert embedded.client.post(f"/v1/models/{model}:explain", json=picture).status_code == 200


def test_the_model_asks_for_the_format_and_protocol_that_the_runtime_offers() -> None:
    asked = MODEL["model"]
    assert asked["runtime"] == MANIFESTS["serving-runtime"]["metadata"]["name"]
    (offered,) = RUNTIME["supportedModelFormats"]
    assert asked["modelFormat"].items() <= offered.items()
    assert asked["protocolVersion"] in RUNTIME["protocolVersions"]


def test_bundles_are_read_where_the_storage_initializer_puts_them() -> None:
    assert variables(service_of(RUNTIME))["VITRINE_BUNDLES"] == "/mnt/models"
