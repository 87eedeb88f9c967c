"""The chart, the values that it is tried with, and what Helm makes of them."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docker.folder import DOCKER

CHART = DOCKER / "helm" / "vitrine"
RELEASE = "gallery"
Manifest = dict[str, Any]

GPU = {
    "gpu": {"enabled": True, "runtimeClassName": "nvidia"},
    "settings": {"precision": "auto", "max_batch_size": 32, "max_queue": 256},
    "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    "autoscaling": {"cpuPercent": 0, "queuedImages": 64},
    "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1},
}
EVERYTHING = {
    "image": {"digest": "sha256:" + "a" * 64, "pullSecrets": ["registry"]},
    "settings": {
        "workers": 4,
        "drain_delay_seconds": 7.5,
        "drain_seconds": 45,
        "max_image_pixels": 12_000_000,
        "batch_sizes": [1, 4, 8],
        "cors_origins": ["https://app.example.org", "https://b.example.org"],
        "access_log": True,
        "default_model": "pets",
    },
    "bundles": {"claim": {"name": "models", "subPath": "bundles"}},
    "apiKeys": {"secret": "vitrine-keys"},
    "preStopSeconds": 3,
    "autoscaling": {"queuedImages": 16},
    "ingress": {"enabled": True, "className": "nginx", "tlsSecret": "tls"},
    "networkPolicy": {
        "from": [{"namespaceSelector": {"matchLabels": {"name": "web"}}}],
        "egress": [{"ports": [{"port": 4318}]}],
    },
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "extraEnv": [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://collector:4318"}],
    "podAnnotations": {"team": "vision"},
    "nodeSelector": {"kubernetes.io/arch": "amd64"},
    "serviceAccountName": "vitrine",
    "priorityClassName": "high",
    "service": {"annotations": {"example.org/a": "b"}},
}
VALUES: Mapping[str, dict[str, Any]] = {
    "defaults": {},
    "gpu": GPU,
    "keys": {"apiKeys": {"secret": "vitrine-keys"}},
    "folder": {"bundles": {"folder": "/srv/bundles"}},
    "claim": {"bundles": {"claim": {"name": "models"}}},
    "image": {"bundles": {"image": {"reference": "registry.example.org/pets:2"}}},
    "no autoscaling": {"autoscaling": {"enabled": False}, "replicas": 3},
    "ingress": {"ingress": {"enabled": True, "host": "pictures.example.org"}},
    "workers": {"settings": {"workers": 2}},
    "bare": {
        "networkPolicy": {"enabled": False},
        "podDisruptionBudget": {"enabled": False},
        "topologyKeys": [],
    },
    "everything": EVERYTHING,
}
REFUSED: Mapping[str, tuple[dict[str, Any], str]] = {
    "an unknown value": ({"setings": {}}, "additional properties 'setings' not allowed"),
    "a setting that is not there": (
        {"settings": {"max_qeue": 4}},
        "at '/settings': additional properties 'max_qeue' not allowed",
    ),
    "a setting of the chart's own": (
        {"settings": {"port": 80}},
        "at '/settings': additional properties 'port' not allowed",
    ),
    "no worker": ({"settings": {"workers": 0}}, "at '/settings/workers': minimum: got 0, want 1"),
    "a text for a number": ({"settings": {"max_queue": "many"}}, "got string, want integer"),
    "an unknown precision": ({"settings": {"precision": "fp8"}}, "at '/settings/precision'"),
    "no drain to reckon with": (
        {"settings": {"drain_seconds": None}},
        "at '/settings': missing property 'drain_seconds'",
    ),
    "two sources of bundles": (
        {"bundles": {"folder": "/a", "claim": {"name": "b"}}},
        "at '/bundles': maxProperties: got 2, want 1",
    ),
    "a setting by its variable": (
        {"extraEnv": [{"name": "VITRINE_MAX_QUEUE", "value": "4"}]},
        "at '/extraEnv/0/name'",
    ),
    "a scale without a measure": (
        {"autoscaling": {"cpuPercent": 0}},
        "at '/autoscaling/queuedImages': minimum: got 0, want 1",
    ),
    "a digest that is none": ({"image": {"digest": "latest"}}, "at '/image/digest'"),
}


@dataclass(frozen=True)
class Helm:
    """What Helm made of every set of values, by name, and what it finds wrong with the chart."""

    rendered: Mapping[str, dict[str, Any]]
    findings: dict[str, Any]

    def manifests(self, name: str) -> list[Manifest]:
        """Give the manifests of a set of values, the test's pod among them."""
        files = self.rendered[name]["files"]
        texts = [text for file, text in files.items() if file.endswith(".yaml")]
        return [one for text in texts for one in yaml.safe_load_all(text) if one]

    def manifest(self, name: str, kind: str) -> Manifest:
        """Give the manifest of a kind that there is one of."""
        (found,) = (one for one in self.manifests(name) if one["kind"] == kind)
        return found

    def pod(self, name: str) -> Manifest:
        """Give the spec of the service's pods."""
        return self.manifest(name, "Deployment")["spec"]["template"]["spec"]


@cache
def helm() -> Helm:
    """Render everything once; skip where Helm's library is not there."""
    if not importlib.util.find_spec("helm_python"):
        pytest.skip("needs Helm's library: pip install helm-python-sdk")
    refused = {name: values for name, (values, _) in REFUSED.items()}
    asked = {"chart": str(CHART), "release": RELEASE, "values": {**VALUES, **refused}}
    ended = subprocess.run(
        [sys.executable, Path(__file__).with_name("render.py")],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    return Helm(**json.loads(ended.stdout))
