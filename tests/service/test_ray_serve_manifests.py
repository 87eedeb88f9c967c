"""The configurations in docker/ray are what Ray Serve reads, and fit what the service needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray.serve", reason="the extra ray is not installed")

import ray
import yaml
from ray.serve.schema import ServeApplicationSchema, ServeDeploySchema

from service.ray_serve import app
from service.ray_settings import RaySettings, read_settings

FOLDER = Path(__file__).parents[2] / "docker" / "ray"
SERVE = (FOLDER / "serve.yaml").read_text()
RAY_SERVICE: dict[str, Any] = yaml.safe_load((FOLDER / "rayservice.yaml").read_text())
CLUSTER = RAY_SERVICE["spec"]["rayClusterConfig"]
WORKERS = CLUSTER["workerGroupSpecs"][0]


@pytest.fixture(params=[SERVE, RAY_SERVICE["spec"]["serveConfigV2"]], ids=["serve", "rayservice"])
def configuration(request) -> ServeDeploySchema:
    return ServeDeploySchema.model_validate(yaml.safe_load(request.param))


def only(configuration: ServeDeploySchema) -> ServeApplicationSchema:
    (application,) = configuration.applications
    return application


def test_its_application_is_built_with_its_arguments(configuration) -> None:
    assert only(configuration).import_path == "service.ray_serve:app"
    assert only(configuration).route_prefix == "/"
    app(only(configuration).args)


def test_its_variables_are_settings(configuration) -> None:
    for name in only(configuration).runtime_env["env_vars"]:
        assert name.removeprefix("VITRINE_").lower() in RaySettings.model_fields


def test_the_proxy_waits_longer_than_a_request_may_take(configuration) -> None:
    deadline = read_settings(only(configuration).args).deadline_seconds
    assert configuration.http_options.request_timeout_s > deadline


def test_the_cluster_runs_the_version_of_ray_that_is_tested() -> None:
    assert CLUSTER["rayVersion"] == ray.__version__


def test_most_replicas_find_room_on_most_workers() -> None:
    settings = read_settings(
        yaml.safe_load(RAY_SERVICE["spec"]["serveConfigV2"])["applications"][0]["args"]
    )
    (container,) = WORKERS["template"]["spec"]["containers"]
    per_worker = int(container["resources"]["limits"]["cpu"]) // settings.replica_cpus
    assert per_worker * WORKERS["maxReplicas"] >= settings.max_replicas
    assert settings.drain_seconds < WORKERS["template"]["spec"]["terminationGracePeriodSeconds"]


@pytest.mark.parametrize("pod", [CLUSTER["headGroupSpec"], WORKERS], ids=["head", "workers"])
def test_a_pod_has_limits_that_are_requests_probes_and_no_root(pod) -> None:
    spec = pod["template"]["spec"]
    (container,) = spec["containers"]
    assert container["resources"]["limits"] == container["resources"]["requests"]
    assert "httpGet" in container["livenessProbe"]
    assert "httpGet" in container["readinessProbe"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert {one["name"] for one in container["volumeMounts"]} == {
        one["name"] for one in spec["volumes"]
    }
