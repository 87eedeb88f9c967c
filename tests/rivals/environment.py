"""The environment of a rival: a venv of its own, with the versions that its requirements pin."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).parent / "requirements"
INSTALLED = "installed.txt"  # the requirements that an environment was made from


class NotInstalled(Exception):
    """An environment cannot be made here; says why."""


def python_of(name: str, environments: Path) -> Path:
    """Give the Python of an environment, which is made where it is not there yet, or is old.

    Raises NotInstalled.
    """
    pinned = (REQUIREMENTS / f"{name}.txt").read_text()
    folder = environments.resolve() / name
    python, installed = folder / "bin" / "python", folder / INSTALLED
    if not installed.is_file() or installed.read_text() != pinned:
        _run(sys.executable, "-m", "venv", "--clear", str(folder))
        requirements = str(REQUIREMENTS / f"{name}.txt")
        _run(str(python), "-m", "pip", "install", "--quiet", "--requirement", requirements)
        installed.write_text(pinned)
    return python


def version_of(package: str, name: str) -> str:
    """Give the version of a package that the requirements of an environment pin."""
    pinned = (REQUIREMENTS / f"{name}.txt").read_text()
    found = re.search(rf"^{re.escape(package)}==(\S+)$", pinned, re.MULTILINE)
    assert found, f"{name}.txt does not pin {package}"
    return found[1]


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise NotInstalled(lines[-1] if lines else f"{command[0]} ended with {done.returncode}")
