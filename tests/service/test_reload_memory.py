"""Reloads do not gather memory: measured from outside, on a server of its own."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest

from service.benchmarking.memory import memory
from service.benchmarking.server_process import server_process
from service.settings import EMBEDDED_BUNDLES
from tests.service.admin import with_admin_key
from tests.service.pictures import draw, encode
from tests.service.renewed import copy_as, renew
from tests.service.waiting import until

EMBEDDED = EMBEDDED_BUNDLES / "cifar10" / "1"
PNG = encode(draw())


@pytest.mark.skipif(memory(os.getpid()) is None, reason="needs Linux's /proc")
@pytest.mark.skipif(not EMBEDDED.is_dir(), reason="the embedded bundle is not here")
def test_ten_reloads_hold_no_more_memory_than_two(tmp_path: Path) -> None:
    bundle = copy_as(EMBEDDED, tmp_path, "cifar10", "1")
    admin = with_admin_key(tmp_path)
    with (
        server_process(tmp_path, {"VITRINE_API_KEYS_FILE": str(admin["api_keys_file"])}) as server,
        httpx.Client(
            base_url=f"http://{server.host}:{server.port}", timeout=60, headers=admin["headers"]
        ) as client,
    ):

        def reload_times(count: int) -> None:
            for turn in range(count):
                digest = renew(bundle, f"copy {turn % 2}")
                assert client.post("/models/cifar10/reload").json()["replaced"]
                answer = client.post("/classify", content=PNG).json()
                assert answer["model"]["digest"] == digest

        def resident() -> int:
            found = memory(server.pid)
            assert found
            return found.resident_bytes

        client.post("/classify", content=PNG)
        one_model = resident()
        reload_times(2)
        until(lambda: resident() < 1.1 * one_model)  # one model more would be 14 %
        reload_times(8)
        until(lambda: resident() < 1.1 * one_model)
