"""Callers who ask without pause, each one request at a time, and note what became of each."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from tests.service.pictures import draw, encode
from tests.service.ray_cluster import PATIENCE_SECONDS

PNG = encode(draw())


@dataclass(frozen=True)
class Asked:
    """A request: when it was sent and answered, and its status, 0 where the connection broke."""

    began: float
    ended: float
    status: int


@contextmanager
def asking(address: str, path: str, callers: int) -> Iterator[list[Asked]]:
    """Ask until the block ends; the list grows meanwhile and is whole after it."""
    asked: list[Asked] = []
    enough = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=address, timeout=PATIENCE_SECONDS) as client:
            while not enough.is_set():
                began = time.monotonic()
                try:
                    status = client.post(path, content=PNG).status_code
                except httpx.TransportError:
                    status = 0
                asked.append(Asked(began, time.monotonic(), status))

    threads = [threading.Thread(target=ask) for _ in range(callers)]
    for thread in threads:
        thread.start()
    try:
        yield asked
    finally:
        enough.set()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
