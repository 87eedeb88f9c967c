"""A server that runs elsewhere and serves the tiny model, in place of one in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import urlsplit

import httpx
import pytest

from tests.service.live import PATIENCE_SECONDS


@dataclass(frozen=True)
class Elsewhere:
    """What of `Live` can be had over the network; a test that wants more is skipped."""

    client: httpx.Client

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(str(self.client.base_url))
        return parts.hostname or "", parts.port or 80

    def __getattr__(self, name: str) -> NoReturn:
        pytest.skip(f"live.{name} looks into the server's process")


@contextmanager
def elsewhere(address: str) -> Iterator[Elsewhere]:
    with httpx.Client(base_url=address, timeout=PATIENCE_SECONDS) as client:
        yield Elsewhere(client)
