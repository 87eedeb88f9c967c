"""The installed command `vitrine-model`, which says what to install where torch is missing."""

from __future__ import annotations

import sys

from model.commands import PROGRAM
from service.not_installed import not_installed


def main() -> None:
    """Run `vitrine-model`."""
    try:
        from model.cli import main as run  # imports onnxruntime; the commands import torch

        run()
    except ModuleNotFoundError as error:
        sys.exit(not_installed(PROGRAM, error))
