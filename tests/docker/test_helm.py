"""The chart's manifests are valid, safe, and true of the service."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from service.bundle_folder import find_bundles
from service.doctor.footprint import Footprint
from service.doctor.memory import memory
from service.memory_budget import MemoryLimit
from service.settings import EMBEDDED_BUNDLES, Settings
from service.supervisor import EXIT_SECONDS
from tests.docker.chart import REFUSED, RELEASE, VALUES, helm
from tests.docker.pods import (
    ROUTES,
    VERSIONS,
    breaches,
    check_by_schema,
    grace_needed,
    service_of,
    variables,
)

MEBIBYTE = 1024 * 1024
SERVED = f"{RELEASE}-vitrine"
SEVERE = 2  # Helm's findings: 1 is a remark, 2 a warning, 3 an error


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", VALUES)
def test_kubernetes_takes_every_manifest(name, version) -> None:
    manifests = [one for one in helm().manifests(name) if one["kind"] != "ServiceMonitor"]
    assert len(manifests) >= 4
    for manifest in manifests:
        check_by_schema(manifest, version)


def test_prometheus_operator_takes_the_service_monitor() -> None:
    models = pytest.importorskip(
        "cloudcoil.models.prometheus_operator.v1",
        reason="needs the operator's types: pip install cloudcoil-models-prometheus-operator",
    )
    monitor = helm().manifest("everything", "ServiceMonitor")
    read = models.ServiceMonitor.model_validate(monitor)
    assert read.model_dump(by_alias=True, exclude_none=True, mode="json") == monitor


def test_helm_finds_nothing_wrong_with_the_chart() -> None:
    findings = helm().findings
    assert findings["total_charts_linted"] == 1
    assert not findings["errors"]
    assert [one for one in findings["messages"] if one["severity"] >= SEVERE] == []


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_values_are_refused_with_their_place_and_reason(name) -> None:
    _, reason = REFUSED[name]
    assert reason in helm().rendered[name].get("refusal", "it was not refused")


@pytest.mark.parametrize("name", VALUES)
def test_no_pod_breaks_the_restricted_standard(name) -> None:
    pods = [helm().pod(name), helm().manifest(name, "Pod")["spec"]]
    assert [breach for pod in pods for breach in breaches(pod)] == []
    assert all(pod["automountServiceAccountToken"] is False for pod in pods)


def test_a_pod_that_says_nothing_breaks_the_restricted_standard() -> None:
    pod = {"containers": [{"name": "a"}], "volumes": [{"name": "host", "hostPath": {"path": "/"}}]}
    assert list(breaches(pod)) == [
        "the volume host is of a forbidden kind",
        "a: may run as root",
        "a: has no seccomp profile",
        "a: may gain privileges",
        "a: keeps capabilities",
    ]


@pytest.mark.parametrize("name", VALUES)
def test_the_root_is_read_only_and_the_user_is_the_image_s(name) -> None:
    pod = helm().pod(name)
    assert pod["securityContext"]["runAsUser"] == 10001
    assert service_of(pod)["securityContext"]["readOnlyRootFilesystem"] is True


def test_probes_ask_routes_that_answer(embedded) -> None:
    container = service_of(helm().pod("defaults"))
    asked = {name: container[name]["httpGet"]["path"] for name in ROUTES}
    assert asked == ROUTES
    assert all(embedded.client.get(path).status_code == 200 for path in asked.values())
    assert {container[name]["httpGet"]["port"] for name in ROUTES} == {"http"}
    assert container["ports"] == [{"name": "http", "containerPort": 8000}]
    assert variables(container)["VITRINE_PORT"] == "8000"


@pytest.mark.parametrize("name", VALUES)
def test_every_variable_is_a_setting_that_the_service_takes(name, monkeypatch, tmp_path) -> None:
    given = {
        variable: value
        for variable, value in variables(service_of(helm().pod(name))).items()
        if variable.startswith("VITRINE_")
    }
    assert {variable.removeprefix("VITRINE_").lower() for variable in given} <= set(
        Settings.model_fields
    )
    for variable, value in given.items():
        monkeypatch.setenv(variable, value)
    taken = Settings()
    for setting, value in VALUES[name].get("settings", {}).items():
        assert getattr(taken, setting) == (tuple(value) if isinstance(value, list) else value)


@pytest.mark.parametrize("name", VALUES)
def test_the_grace_period_is_longer_than_the_drain(name) -> None:
    pod = helm().pod(name)
    assert pod["terminationGracePeriodSeconds"] >= grace_needed(service_of(pod)) + 5


def test_several_workers_get_the_time_to_close_their_models() -> None:
    one, two = (
        helm().pod(name)["terminationGracePeriodSeconds"] for name in ("defaults", "workers")
    )
    assert two == one + EXIT_SECONDS


def test_requests_are_accepted_until_the_readiness_probe_has_failed() -> None:
    container = service_of(helm().pod("defaults"))
    probe = container["readinessProbe"]
    delay = float(variables(container)["VITRINE_DRAIN_DELAY_SECONDS"])
    assert delay > probe["periodSeconds"] * probe["failureThreshold"]


def test_accepted_requests_are_not_cut_off_before_their_deadline() -> None:
    given = variables(service_of(helm().pod("defaults")))
    assert float(given["VITRINE_DRAIN_SECONDS"]) >= Settings().deadline_seconds


def test_the_memory_limit_holds_the_worst_case() -> None:
    resources = service_of(helm().pod("defaults"))["resources"]
    limit = MemoryLimit(_mebibytes(resources["limits"]["memory"]), None, "the chart")
    measured = {"explaining": Footprint(200 * MEBIBYTE, 47 * MEBIBYTE)}
    threads = int(resources["limits"]["cpu"])
    assert {one.status for one in memory(Settings(), threads, [limit], measured)} == {"ok"}
    assert _mebibytes(resources["requests"]["memory"]) > measured["explaining"].of_workers(1)


def _mebibytes(quantity: str) -> int:
    return int(quantity.removesuffix("Mi")) * MEBIBYTE


def test_a_service_of_the_same_name_cannot_change_a_setting(monkeypatch) -> None:
    assert helm().pod("defaults")["enableServiceLinks"] is False
    monkeypatch.setenv("VITRINE_PORT", "tcp://10.0.0.1:80")  # as Kubernetes would set it
    with pytest.raises(ValidationError, match="port"):
        Settings()


def test_a_gpu_is_asked_for_and_nothing_else_is_accepted() -> None:
    pod = helm().pod("gpu")
    container = service_of(pod)
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert variables(container)["VITRINE_PROVIDER"] == "cuda"  # it refuses to fall back
    assert variables(container)["VITRINE_PRECISION"] == "auto"
    assert container["image"].endswith("-gpu")
    assert pod["runtimeClassName"] == "nvidia"


def test_a_digest_goes_before_the_tag() -> None:
    assert service_of(helm().pod("everything"))["image"] == f"vitrine@sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("name", "folder"),
    [("defaults", None), ("folder", "/srv/bundles"), ("claim", "/bundles"), ("image", "/bundles")],
)
def test_bundles_are_read_where_they_are_mounted(name, folder) -> None:
    pod = helm().pod(name)
    container = service_of(pod)
    assert variables(container).get("VITRINE_BUNDLES") == folder
    mounts = {mount["mountPath"]: mount for mount in container.get("volumeMounts", [])}
    assert (folder in mounts) == (name in {"claim", "image"})
    assert all(mount["readOnly"] for mount in mounts.values())
    volumes = {volume["name"] for volume in pod.get("volumes", [])}
    assert {mount["name"] for mount in mounts.values()} == volumes


def test_the_init_container_copies_bundles_that_can_be_served(tmp_path: Path) -> None:
    (init,) = helm().pod("image")["initContainers"]
    (mount,) = init["volumeMounts"]
    *command, source, target = init["command"]
    assert (source, target) == ("/bundles/.", mount["mountPath"])
    subprocess.run([*command, f"{EMBEDDED_BUNDLES}/.", tmp_path], check=True)
    assert find_bundles(tmp_path) == [tmp_path / "cifar10" / "1"]


def test_replicas_are_left_to_the_autoscaler_where_there_is_one() -> None:
    assert "replicas" not in helm().manifest("defaults", "Deployment")["spec"]
    assert helm().manifest("no autoscaling", "Deployment")["spec"]["replicas"] == 3
    kinds = {one["kind"] for one in helm().manifests("no autoscaling")}
    assert "HorizontalPodAutoscaler" not in kinds


def test_every_selector_chooses_the_service_s_pods_and_no_others() -> None:
    deployment = helm().manifest("defaults", "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    chosen = deployment["spec"]["selector"]["matchLabels"]
    assert chosen.items() <= labels.items()
    assert helm().manifest("defaults", "Service")["spec"]["selector"] == chosen
    for kind, field in (("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector")):
        assert helm().manifest("defaults", kind)["spec"][field] == {"matchLabels": chosen}
    tester = helm().manifest("defaults", "Pod")["metadata"]["labels"]
    assert not chosen.items() <= tester.items()


def test_nothing_may_be_reached_from_the_service_unless_told() -> None:
    policy = helm().manifest("defaults", "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["egress"] == []
    assert policy["ingress"] == [{"ports": [{"port": "http"}]}]


def test_the_test_pod_names_the_models_that_are_ready(embedded) -> None:
    (container,) = helm().manifest("defaults", "Pod")["spec"]["containers"]
    program, address = container["args"]
    assert address == f"http://{SERVED}:80/health/ready"
    here = address.replace(f"{SERVED}:80", "{}:{}".format(*embedded.address))
    answer = subprocess.run(
        [sys.executable, "-c", program, here], capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == ["cifar10", "1"]
