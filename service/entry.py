"""The installed command `vitrine`, which says what to install where the engine is missing."""

from __future__ import annotations

from service.command_line import end
from service.extra import ENGINE, missing_engine


def main() -> None:
    """Run `vitrine`."""
    try:
        from service.cli import main as run  # imports onnxruntime
    except ModuleNotFoundError as error:
        if error.name != ENGINE:
            raise
        end("vitrine", missing_engine())
    run()
