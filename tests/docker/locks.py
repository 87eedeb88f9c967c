"""The locks of docker/requirements, as pip reads them."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache

from packaging.markers import default_environment
from packaging.requirements import Requirement

from tests.docker.folder import DOCKER, ROOT

REQUIREMENTS = DOCKER / "requirements"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# What each lock was made for. The build's holds what the images are made with, not what they hold.
EXTRAS = {
    "cpu": ("cpu",),
    "gpu": ("gpu",),
    "otel": ("otel",),
    "bulk": ("bulk",),
    "ray": ("ray",),
    "train": ("cpu", "train"),
    "train-cuda": ("cpu", "train"),
}
LOCKED_ON = dict(
    default_environment(), python_version="3.11", sys_platform="linux", platform_machine="x86_64"
)


@dataclass(frozen=True)
class Pin:
    """One package of a lock: its version and the hashes of the files that may be installed."""

    version: str
    hashes: tuple[str, ...]


@cache
def pins(lock: str) -> dict[str, Pin]:
    """Give a lock's packages by name; every line that pip would read must be one."""
    found = {}
    text = re.sub(r"\\\n", " ", (REQUIREMENTS / f"{lock}.txt").read_text())
    for line in text.splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        pinned, *hashes = line.split()
        name, _, version = pinned.partition("==")
        assert version, line
        found[name] = Pin(version, tuple(word.removeprefix("--hash=") for word in hashes))
    return found


def required(lock: str) -> list[Requirement]:
    """Give what pyproject.toml asks for on the images' platform."""
    lines = [*PROJECT["dependencies"]]
    for extra in EXTRAS[lock]:
        lines += PROJECT["optional-dependencies"][extra]
    return [needed for needed in map(Requirement, lines) if applies(needed)]


def applies(needed: Requirement, extra: str = "") -> bool:
    """Tell whether a requirement holds on the images' platform."""
    return needed.marker is None or needed.marker.evaluate({**LOCKED_ON, "extra": extra})
