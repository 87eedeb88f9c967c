"""What the tests ask of a pod's spec, whoever wrote it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from service.supervisor import EXIT_SECONDS

ROUTES = {
    "startupProbe": "/health/startup",
    "readinessProbe": "/health/ready",
    "livenessProbe": "/health/live",
}
VERSIONS = ("1.29", "1.37")  # the oldest that the chart allows, the newest with a schema
SAFE_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
Pod = dict[str, Any]


def service_of(pod: Pod) -> Pod:
    """Give the container of the service, which is the only one."""
    (container,) = pod["containers"]
    return container


def variables(container: Pod) -> dict[str, str]:
    """Give a container's variables; one that is set twice is an error."""
    names = [variable["name"] for variable in container["env"]]
    assert len(names) == len(set(names))
    return {variable["name"]: variable.get("value", "") for variable in container["env"]}


def grace_needed(container: Pod) -> float:
    """Give the seconds that a pod may take to end, by its settings."""
    given = variables(container)
    needed = float(given["VITRINE_DRAIN_SECONDS"]) + float(given["VITRINE_DRAIN_DELAY_SECONDS"])
    pause = container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command")
    several = EXIT_SECONDS if int(given.get("VITRINE_WORKERS", "1")) > 1 else 0
    return needed + several + (float(pause[1]) if pause else 0)


def breaches(pod: Pod) -> Iterator[str]:
    """Say where a pod is not what the Pod Security Standard "restricted" asks for.

    The rules of "baseline" are part of it. Source: kubernetes.io, Pod Security Standards.
    """
    for volume in pod.get("volumes", []):
        if not volume.keys() - {"name"} <= SAFE_VOLUMES:
            yield f"the volume {volume['name']} is of a forbidden kind"
    for shared in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(shared):
            yield shared
    of_all = pod.get("securityContext", {})
    if of_all.get("sysctls"):
        yield "sysctls"
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        for breach in _breaches_of_container({**of_all, **container.get("securityContext", {})}):
            yield f"{container['name']}: {breach}"
        if any("hostPort" in port for port in container.get("ports", [])):
            yield f"{container['name']}: hostPort"


def _breaches_of_container(security: Pod) -> Iterator[str]:
    if security.get("runAsNonRoot") is not True or security.get("runAsUser", 1) == 0:
        yield "may run as root"
    if security.get("seccompProfile", {}).get("type") not in {"RuntimeDefault", "Localhost"}:
        yield "has no seccomp profile"
    if security.get("allowPrivilegeEscalation") is not False:
        yield "may gain privileges"
    if security.get("privileged") or security.get("procMount", "Default") != "Default":
        yield "is privileged"
    capabilities = security.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", []):
        yield "keeps capabilities"
    if not set(capabilities.get("add", [])) <= {"NET_BIND_SERVICE"}:
        yield "adds capabilities"
    if security.keys() & {"seLinuxOptions", "appArmorProfile", "windowsOptions"}:
        yield "changes the system's own confinement"


def check_by_schema(manifest: dict[str, Any], version: str) -> None:
    """Pass a manifest that this version of Kubernetes takes, knowing every field of it."""
    _check_text_by_schema(json.dumps(manifest), version)


@cache
def _check_text_by_schema(manifest: str, version: str) -> None:
    kubernetes_validate = pytest.importorskip(
        "kubernetes_validate", reason="needs Kubernetes' schemas: pip install kubernetes-validate"
    )
    kubernetes_validate.validate(json.loads(manifest), version, strict=True)
