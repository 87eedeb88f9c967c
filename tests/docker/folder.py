"""Where what these tests are about lies."""

from __future__ import annotations

from pathlib import Path

DOCKER = Path(__file__).parents[2] / "docker"
ROOT = DOCKER.parent  # the Dockerfile and pyproject.toml
