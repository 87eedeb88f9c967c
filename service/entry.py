"""The installed command `vitrine`, which says what to install where the engine is missing."""

from __future__ import annotations

import sys

from service.not_installed import ENGINE, not_installed


def main() -> None:
    """Run `vitrine`."""
    try:
        from service.cli import main as run  # imports onnxruntime
    except ModuleNotFoundError as error:
        if error.name != ENGINE:
            raise
        sys.exit(not_installed("vitrine", error))
    run()
