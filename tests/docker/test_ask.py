"""What the proof of the image asks, asked of a server that is no container."""

from __future__ import annotations

import subprocess
import sys

import pytest

from service.settings import EMBEDDED_BUNDLES
from tests.docker.folder import DOCKER
from tests.service.live import PATIENCE_SECONDS, command


def ask(*arguments: str) -> str:
    ended = subprocess.run(
        [sys.executable, DOCKER / "ask.py", *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_everything_is_answered() -> None:
    with command(EMBEDDED_BUNDLES) as server:
        assert "POST /explain, as PNG" in ask(server.address)


@pytest.mark.parametrize("delay", ["0", "1"])
def test_a_request_that_is_half_sent_at_sigterm_is_answered(delay) -> None:
    with command(EMBEDDED_BUNDLES, "--drain-delay-seconds", delay) as server:
        told = ask(server.address, "--while-stopping", str(server.process.pid))
        assert "with 200" in told
        assert server.process.wait(PATIENCE_SECONDS) == 0
