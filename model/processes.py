"""What several processes of one training need of each other: equal shares, and to be alive."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torch.distributed import DistError

from service.errors import InvalidInput, VitrineError

# a process that died shows in words only: gloo raises RuntimeError
SIGNS_OF_LOSS = ("gloo", "Connection closed", "Connection reset", "Broken pipe")


class ProcessLost(VitrineError):
    """Another process of the training ended, and this one cannot go on alone."""

    title, exit_code = "Process lost", 75


def check_shares(batch_size: int, processes: int, mixes: bool) -> None:
    """Raise InvalidInput unless the processes can share a batch as one process would take it."""
    # an image and its partner in mixing must come to the same process: see augment.partners
    parts = 2 * processes if mixes and processes > 1 else processes
    if batch_size % parts:
        mixing = ", which mixup and cutmix halve" if parts > processes else ""
        raise InvalidInput(
            f"a batch of {batch_size} images does not split over {processes} processes{mixing}; "
            f"choose a batch_size that is a multiple of {parts}, and not above the training images"
        )


@contextmanager
def told_of_losses(run: Path, processes: int) -> Iterator[None]:
    """Turn what a collective operation raises when a process died into ProcessLost."""
    try:
        yield
    except RuntimeError as error:
        if processes == 1 or not is_sign_of_loss(error):
            raise
        raise ProcessLost(
            f"another of the {processes} processes ended, so this one stops; start the same "
            f"command again: it goes on after the last checkpoint in {run}"
        ) from error


def is_sign_of_loss(error: RuntimeError) -> bool:
    """Say whether an error means that another process cannot be reached."""
    return isinstance(error, DistError) or any(sign in str(error) for sign in SIGNS_OF_LOSS)
