"""What several processes of one training need of each other: equal shares, and to be alive."""

from __future__ import annotations

import signal
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
    """Raise ProcessLost in place of what tells of a process that died.

    That is what a collective operation raises, or torchrun's SIGTERM, whichever comes first. From
    then on SIGTERM is ignored, so that there is time to tell; the process is to end. Use it in the
    main thread.
    """
    if processes == 1:
        yield
        return
    lost = ProcessLost(
        f"another of the {processes} processes ended, or all were told to, so this one stops; "
        f"start the same command again: it goes on after the last checkpoint in {run}"
    )

    def stop(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise lost

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except RuntimeError as error:
        if not is_sign_of_loss(error):
            raise
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise lost from error
    finally:
        if signal.getsignal(signal.SIGTERM) is stop:
            signal.signal(signal.SIGTERM, before)


def is_sign_of_loss(error: RuntimeError) -> bool:
    """Say whether an error means that another process cannot be reached."""
    return isinstance(error, DistError) or any(sign in str(error) for sign in SIGNS_OF_LOSS)
