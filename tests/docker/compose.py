"""The compose files, as Docker Compose would merge them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.docker.folder import DOCKER

COMPOSE = DOCKER / "compose.yaml"
COMPOSE_GPU = DOCKER / "compose.gpu.yaml"


def services(path: Path) -> dict[str, dict[str, Any]]:
    """Give the services of a compose file."""
    return yaml.safe_load(path.read_text())["services"]


def mounts(service: dict[str, Any]) -> dict[str, str]:
    """Give what is mounted, by the path in the container: a file's path or a volume's name."""
    return {
        target: source
        for source, target, *_ in (line.split(":") for line in service.get("volumes", []))
    }
