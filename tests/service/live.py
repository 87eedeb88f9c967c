"""Real servers to talk to: one on a thread of this process, one as the command that users start."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from service.app import create_app
from service.routes.context import Context
from service.settings import Settings

PATIENCE_SECONDS = 60
VITRINE = Path(sys.executable).with_name("vitrine")


@dataclass(frozen=True)
class Live:
    """A server on a thread: the client that talks to its socket, and its parts."""

    client: httpx.Client
    app: FastAPI
    address: tuple[str, int]

    @property
    def context(self) -> Context:
        return self.app.state.context

    def metric(self, name: str, **labels: str) -> float:
        """Sum the samples of `GET /metrics` with this name and these labels among theirs."""
        return sum(
            sample.value
            for family in text_string_to_metric_families(self.client.get("/metrics").text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    @contextmanager
    def busy_engine(self) -> Iterator[None]:
        """Keep the engine's only thread busy, so that pictures wait in the queue."""
        gate = threading.Event()
        executor: ThreadPoolExecutor = self.context.registry.get()._executor
        executor.submit(gate.wait)
        try:
            yield
        finally:
            gate.set()


@contextmanager
def serving(bundles: Path, *, wait: bool = True, **settings: object) -> Iterator[Live]:
    """Run a server on a thread of this process until the block ends."""
    is_ready = threading.Event()
    app = create_app(
        Settings(bundles=bundles, threads=1, **settings),
        on_ready=is_ready.set,
        on_failure=lambda error: is_ready.set(),
    )
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on"))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    address = listener.getsockname()
    try:
        if wait:
            assert is_ready.wait(PATIENCE_SECONDS)
        with httpx.Client(
            base_url=f"http://{address[0]}:{address[1]}", timeout=PATIENCE_SECONDS
        ) as client:
            yield Live(client, app, address)
    finally:
        server.should_exit = True
        thread.join(PATIENCE_SECONDS)
        listener.close()
    assert not thread.is_alive()


@dataclass(frozen=True)
class Command:
    """A running `vitrine serve` and the address that its ready lines name."""

    process: subprocess.Popen[str]
    address: str

    @property
    def host_and_port(self) -> tuple[str, int]:
        host, _, port = self.address.removeprefix("http://").rpartition(":")
        return host, int(port)

    def terminate(self) -> int:
        """Send SIGTERM and give the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_SECONDS)

    def peak_memory_bytes(self) -> int:
        """Give the most memory that was ever resident."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024


@contextmanager
def command(bundles: Path, *options: str) -> Iterator[Command]:
    """Start `vitrine serve` on a free port, wait until it is ready, and end it after the block."""
    process = subprocess.Popen(
        [VITRINE, "serve", "--port", "0", "--bundles", str(bundles), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
        found = re.search(r"http://\S+?(?=/)", lines[1])
        assert found, (lines, process.communicate(timeout=PATIENCE_SECONDS))
        yield Command(process, found[0])
    finally:
        process.kill()
        process.communicate()
