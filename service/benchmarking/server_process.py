"""A `vitrine serve` in a process of its own, to be looked at from outside."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from service.benchmarking.connection import Address
from service.errors import ModelNotReady

ADDRESS = re.compile(r"http://(\S+):(\d+)/$")
COMMAND = "from service.cli import main; main()"  # works where `vitrine` is not on the path


@dataclass(frozen=True)
class ServerProcess:
    """A server that is ready: where it listens and how long it took from its start."""

    pid: int
    host: str
    port: int
    ready_seconds: float

    @property
    def address(self) -> Address:
        """Where to connect."""
        return self.host, self.port


@contextmanager
def server_process(bundles: Path, environment: Mapping[str, str]) -> Iterator[ServerProcess]:
    """Serve a folder of bundles on a free port until the block ends.

    `environment` is added to this process's own. Raises ModelNotReady when the server ends instead.
    """
    arguments = ["serve", "--host", "127.0.0.1", "--port", "0", "--bundles", str(bundles)]
    started = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - this very package
        [sys.executable, "-c", COMMAND, *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process:
        lines = process.stdout
        try:
            address = next(filter(None, map(ADDRESS.search, lines)), None)
            if address is None:
                raise ModelNotReady(
                    f"the server ended with exit code {process.wait()} before it was ready; "
                    "'vitrine serve' with the same bundles says why"
                )
            ready_seconds = time.perf_counter() - started
            # whatever it prints later must not fill the pipe and stop it
            threading.Thread(target=_read_on, args=(lines,), daemon=True).start()
            yield ServerProcess(process.pid, address[1], int(address[2]), ready_seconds)
        finally:
            process.terminate()


def _read_on(lines: IO[str]) -> None:
    for _ in lines:
        pass
