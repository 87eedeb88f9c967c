"""Processes share batches equally, and tell when one of them died."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from torch.distributed import DistBackendError

from model.processes import ProcessLost, check_shares, told_of_losses
from service.errors import InvalidInput


@pytest.mark.parametrize(
    ("batch_size", "processes", "mixes", "multiple"),
    [(23, 2, False, 2), (22, 2, True, 4), (8, 8, True, 16)],
)
def test_a_batch_that_does_not_split_over_the_processes_is_refused(
    batch_size, processes, mixes, multiple
):
    with pytest.raises(InvalidInput, match=f"multiple of {multiple},"):
        check_shares(batch_size, processes, mixes)


def test_a_batch_that_splits_over_the_processes_is_taken():
    check_shares(23, 1, mixes=True)
    check_shares(22, 2, mixes=False)
    check_shares(24, 2, mixes=True)


@pytest.fixture(autouse=True)
def signal_as_before() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(
    "error", [RuntimeError("[gloo/transport/tcp/pair.cc:1] closed"), DistBackendError("NCCL")]
)
def test_a_process_that_died_is_told_with_what_to_do(error):
    with (
        pytest.raises(ProcessLost, match=r"start the same command again.*runs/mine"),
        told_of_losses(Path("runs/mine"), processes=2),
    ):
        raise error


def test_torchrun_s_signal_tells_it_too_and_does_not_interrupt_the_telling():
    with (
        pytest.raises(ProcessLost, match="start the same command again"),
        told_of_losses(Path("runs/mine"), processes=2),
    ):
        signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)  # a second one would end the tests


def test_a_training_that_ends_well_leaves_the_signal_as_it_was():
    before = signal.getsignal(signal.SIGTERM)
    with told_of_losses(Path("runs/mine"), processes=2):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    ("message", "processes"), [("shape mismatch", 2), ("gloo, says a lone process", 1)]
)
def test_other_errors_stay_what_they_are(message, processes):
    with pytest.raises(RuntimeError, match=message), told_of_losses(Path("run"), processes):
        raise RuntimeError(message)
