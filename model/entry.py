"""The installed command `vitrine-model`, which says what to install where torch is missing."""

from __future__ import annotations

from model.commands import PROGRAM
from service.command_line import end
from service.extra import ENGINE, missing, missing_engine


def main() -> None:
    """Run `vitrine-model`."""
    try:
        from model.cli import main as run  # imports onnxruntime; the commands import torch

        run()
    except ModuleNotFoundError as error:
        name = str(error.name)
        end(PROGRAM, missing_engine() if name == ENGINE else missing(name, "train"))
