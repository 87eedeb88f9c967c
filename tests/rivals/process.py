"""A server in processes of its own: started, waited for, paused, and ended with all it started."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from service.benchmarking.connection import Address
from service.benchmarking.memory import PROCESSES, process_tree
from service.errors import ModelNotReady

READY_SECONDS = 120
BETWEEN_TRIES_SECONDS = 0.02  # a server of others does not say when it is ready; it must be asked
END_SECONDS = 15
TOLD_BYTES = 2000


@dataclass(frozen=True)
class Running:
    """A server that has answered: its first process, and where it listens."""

    pid: int
    address: Address


@contextmanager
def server(
    command: list[str], folder: Path, address: Address, answers: Callable[[], bool]
) -> Iterator[Running]:
    """Run a server until the block ends, once it answers. `folder` has what it imports.

    Raises ModelNotReady where it ends, or does not answer in time; says what it wrote last.
    """
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": str(folder)},
            cwd=home,
            stdout=log,
            stderr=log,
            # a group to end it by, but no session: Linux shares CPU time out among sessions first
            process_group=0,
        )
        try:
            started = time.perf_counter()
            while not answers():
                if process.poll() is not None or time.perf_counter() - started > READY_SECONDS:
                    log.seek(-min(TOLD_BYTES, log.seek(0, os.SEEK_END)), os.SEEK_END)
                    told = log.read().decode(errors="replace")
                    raise ModelNotReady(f"it did not answer; it wrote last:\n{told}")
                time.sleep(BETWEEN_TRIES_SECONDS)
            yield Running(process.pid, address)
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a server, and whatever it started that does not end with it."""
    started = process_tree(process.pid)
    resume(process.pid)
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(END_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for one in started[1:]:  # some lead groups of their own
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)
    process.wait()


def pause(pid: int) -> None:
    """Stop a process and all it started."""
    _signal(pid, signal.SIGSTOP)


def resume(pid: int) -> None:
    """Let them go on."""
    _signal(pid, signal.SIGCONT)


def _signal(pid: int, number: signal.Signals) -> None:
    for one in process_tree(pid):
        with suppress(ProcessLookupError):
            os.kill(one, number)


def idle_share(pid: int, seconds: float = 2.0) -> float:
    """Give how much of one CPU a process and all it started take while nobody asks."""
    before, started = _cpu_seconds(pid), time.perf_counter()
    time.sleep(seconds)
    return (_cpu_seconds(pid) - before) / (time.perf_counter() - started)


def _cpu_seconds(pid: int) -> float:
    ticks = 0
    for one in process_tree(pid):
        with suppress(OSError):  # it ended meanwhile
            fields = (PROCESSES / str(one) / "stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])  # in user mode, in the kernel
    return ticks / os.sysconf("SC_CLK_TCK")
