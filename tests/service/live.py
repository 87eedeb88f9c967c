"""Real servers to talk to: one on a thread of this process, one as the command that users start."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from service.app import create_app
from service.connection import Connection, connections
from service.routes.context import Context
from service.settings import Settings

PATIENCE_SECONDS = 60
NO_HEADERS: Mapping[str, str] = {}
VITRINE = Path(sys.executable).with_name("vitrine")


@dataclass(frozen=True)
class Live:
    """A server on a thread: the client that talks to its socket, and its parts."""

    client: httpx.Client
    app: FastAPI
    address: tuple[str, int]
    server: uvicorn.Server

    @property
    def connections(self) -> list[Connection]:
        return list(self.server.server_state.connections)

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
        """Hold every core, so that pictures wait in the queue."""
        cores, loop = self.context.cores, self.context.registry.get()._classify._loop.get_loop()
        asyncio.run_coroutine_threadsafe(cores.take(cores.places, since=0), loop).result()
        try:
            yield
        finally:
            loop.call_soon_threadsafe(cores.release, cores.places)


@contextmanager
def serving(
    bundles: Path,
    *,
    wait: bool = True,
    headers: Mapping[str, str] = NO_HEADERS,
    **settings: object,
) -> Iterator[Live]:
    """Run a server on a thread of this process until the block ends; its client sends `headers`."""
    is_ready = threading.Event()
    chosen = Settings(bundles=bundles, threads=1, **settings)
    app = create_app(
        chosen,
        on_ready=is_ready.set,
        on_failure=lambda error: is_ready.set(),
    )
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        http=connections(chosen),
        timeout_keep_alive=chosen.keep_alive_seconds,
        log_config=None,
        lifespan="on",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    address = listener.getsockname()
    try:
        if wait:
            assert is_ready.wait(PATIENCE_SECONDS)
        with httpx.Client(
            base_url=f"http://{address[0]}:{address[1]}", timeout=PATIENCE_SECONDS, headers=headers
        ) as client:
            yield Live(client, app, address, server)
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
