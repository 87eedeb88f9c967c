"""What onnxruntime can compute on, and what keeps it from a GPU."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import onnxruntime

from service.doctor.check import Check, Status
from service.session import PROVIDER_NAMES, Provider

CUDA = PROVIDER_NAMES["cuda"]
LIBRARIES = Path(onnxruntime.__file__).parent / "capi"
DRIVER = "libcuda.so.1"
SHARED, DEVICE = "libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"


def providers(asked: Provider, available: Sequence[str] | None = None) -> Iterator[Check]:
    """Compare what was asked for with what was compiled in, and try what CUDA needs."""
    offered = onnxruntime.get_available_providers() if available is None else available
    facts = {"asked": asked, "compiled_in": list(offered)}
    found = f"{asked} asked for; compiled in: {', '.join(offered)}"
    if asked == "cuda" and CUDA not in offered:
        remedy = "with an NVIDIA GPU, install the extra gpu in place of cpu"
        yield Check("providers", "error", found, remedy, facts)
        return
    yield Check("providers", "ok", found, facts=facts)
    if asked != "cpu" and CUDA in offered:
        yield from cuda_problems("error" if asked == "cuda" else "warning")


def cuda_problems(
    status: Status, libraries: Path = LIBRARIES, driver: str = DRIVER
) -> Iterator[Check]:
    """Open the driver and what onnxruntime loads for CUDA; the system names what is missing."""
    if sys.platform == "win32":
        return
    if problem := _driver_problem(driver):
        remedy = "install NVIDIA's driver, or give the container the GPU (docker run --gpus all)"
        yield Check("CUDA", status, problem, remedy)
    if problem := _library_problem(libraries):
        remedy = "install that version of CUDA and cuDNN, or put its folder into LD_LIBRARY_PATH"
        yield Check("CUDA", status, problem, remedy)


def _driver_problem(driver: str) -> str:
    try:
        code = ctypes.CDLL(driver).cuInit(0)
    except OSError as error:
        return f"the driver cannot be opened: {error}"
    return f"the driver finds no GPU to use: cuInit gives {code}" if code else ""


def _library_problem(libraries: Path) -> str:
    try:
        ctypes.CDLL(str(libraries / SHARED), ctypes.RTLD_GLOBAL)
        ctypes.CDLL(str(libraries / DEVICE))
    except OSError as error:
        return f"onnxruntime cannot load CUDA: {error}"
    return ""
