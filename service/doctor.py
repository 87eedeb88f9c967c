"""Says what this machine offers and whether the bundles are sound: `vitrine doctor`."""

from __future__ import annotations

import platform
from pathlib import Path

import onnxruntime

from service import __version__
from service.budget import cpu_budget
from service.bundle_folder import find_bundles
from service.preprocess import FORMATS, ImageLimits
from service.registry import open_model


def examine(bundles: Path) -> str:
    """Open every bundle as the server would and describe what was found.

    Raises ContractError for a bundle that would not be served.
    """
    budget = cpu_budget()
    limits = ImageLimits()
    lines = [
        f"vitrine      {__version__}, Python {platform.python_version()}, "
        f"onnxruntime {onnxruntime.__version__}",
        f"CPUs         {budget.cpus} (limited by {budget.source})",
        f"providers    {', '.join(onnxruntime.get_available_providers())}",
        f"pictures     {', '.join(FORMATS)}; at most {limits.max_bytes:,} bytes and "
        f"{limits.max_pixels:,} pixels by default",
    ]
    for folder in find_bundles(bundles):
        model = open_model(
            folder, provider="auto", threads=budget.cpus, max_batch_size=8, precision="auto"
        )
        contract = model.contract
        lines.append(
            f"bundle       {contract.name} {contract.version}: digests and golden replay hold, "
            f"{len(contract.labels)} classes, computes on {model.engine.provider}"
        )
        lines.append(f"precision    {', '.join(contract.precisions)}; {model.precision}")
    return "\n".join(lines)
