"""KServe's own client knows every field of the manifests.

kserve does not go together with the service's own needs, so give it an environment of its own:
python -m pytest tests/docker/test_kserve_client.py --noconftest
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

models = pytest.importorskip("kserve.models", reason="needs KServe's client: pip install kserve")
of_kubernetes = pytest.importorskip("kubernetes.client", reason="needs Kubernetes' client")

KINDS = {"InferenceService": "V1beta1InferenceService", "ServingRuntime": "V1alpha1ServingRuntime"}
MANIFESTS = sorted((Path(__file__).parents[2] / "docker" / "kserve").glob("*.yaml"))
PLAIN = {"str", "int", "float", "bool", "object"}


def unknown_fields(manifest: dict[str, Any]) -> Iterator[str]:
    """Give the paths of fields that are not in the client's types."""
    yield from _unknown(KINDS[manifest["kind"]], manifest, manifest["kind"])


def _unknown(kind: str, value: Any, where: str) -> Iterator[str]:
    if many := re.fullmatch(r"[Ll]ist\[(.*)\]", kind):
        for number, one in enumerate(value):
            yield from _unknown(many[1], one, f"{where}[{number}]")
    elif kind not in PLAIN and not re.match(r"[Dd]ict[(\[]", kind):
        known = _type_of(kind)
        fields = {field: name for name, field in known.attribute_map.items()}
        for field, inner in value.items():
            if field not in fields:
                yield f"{where}.{field}"
            else:
                yield from _unknown(known.openapi_types[fields[field]], inner, f"{where}.{field}")


def _type_of(kind: str) -> Any:
    return getattr(models, kind, None) or getattr(of_kubernetes, kind)


@pytest.mark.parametrize("path", MANIFESTS, ids=[path.stem for path in MANIFESTS])
def test_every_field_is_known(path) -> None:
    assert list(unknown_fields(yaml.safe_load(path.read_text()))) == []


def test_a_field_that_is_not_there_is_found() -> None:
    predictor = {"containers": [{"imagee": "vitrine"}]}
    manifest = {"kind": "InferenceService", "spec": {"predictor": predictor}}
    assert list(unknown_fields(manifest)) == [
        "InferenceService.spec.predictor.containers[0].imagee"
    ]
