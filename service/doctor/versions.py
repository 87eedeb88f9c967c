"""Which versions run, and whether two builds of onnxruntime are in each other's way."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib.metadata import distributions

import onnxruntime

from service import __version__
from service.doctor.check import Check


def versions() -> Check:
    """Name Vitrine, Python, onnxruntime and the machine."""
    facts = {
        "vitrine": __version__,
        "python": platform.python_version(),
        "onnxruntime": onnxruntime.__version__,
        "platform": platform.platform(),
    }
    found = "{vitrine}, Python {python}, onnxruntime {onnxruntime}, {platform}".format(**facts)
    return Check("vitrine", "ok", found, facts=facts)


def builds(installed: Iterable[str] | None = None) -> list[Check]:
    """Warn of several packages of onnxruntime: they write the same files, and the last one wins."""
    names = _installed() if installed is None else installed
    found = sorted({name for name in names if name.startswith("onnxruntime")} & BUILDS)
    if len(found) < 2:
        return []
    return [
        Check(
            "onnxruntime",
            "warning",
            f"{' and '.join(found)} are both installed, into the same files",
            f"pip uninstall {' '.join(found)}, then install one extra, cpu or gpu",
            {"packages": found},
        )
    ]


BUILDS = {"onnxruntime", "onnxruntime-gpu"}


def _installed() -> Iterable[str]:
    return (str(one.metadata["Name"]).lower().replace("_", "-") for one in distributions())
