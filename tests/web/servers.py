"""Real servers on the embedded model, in a process of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.untraced import untraced

SERVE = "import sys; from service.cli import main; main(['serve', '--port', '0', *sys.argv[1:]])"
STOP_SECONDS = 20


@contextmanager
def running_server(*options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Give the address of a server that is ready, and its process."""
    command = [sys.executable, "-c", SERVE, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=untraced()) as process:
        said = (line.split() for line in process.stdout)
        address = next((words[1] for words in said if words[:1] == ["page"]), None)
        assert address, "the server ended before it was ready"
        try:
            yield address, process
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)
