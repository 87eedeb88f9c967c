"""Says which extra brings what is not installed: Vitrine alone has no onnxruntime and no torch."""

from __future__ import annotations

ENGINE = "onnxruntime"


def not_installed(program: str, error: ModuleNotFoundError) -> str:
    """Give the line that a command ends with where a module is missing."""
    extra = "cpu" if error.name == ENGINE else "train"
    instead = ", or 'vitrine[gpu]' for an NVIDIA GPU" if error.name == ENGINE else ""
    return f"{program}: {error.name} is not installed; run pip install 'vitrine[{extra}]'{instead}"
