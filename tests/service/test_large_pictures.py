"""Large pictures, and small files that are large pictures, do not hold up the others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait

import httpx
import pytest
from PIL import Image

from service.errors import PayloadTooLarge
from service.image_runner import Classified
from service.served_model import DECODED_IN_BATCH_BYTES
from service.settings import EMBEDDED_BUNDLES
from tests.service.live import PATIENCE_SECONDS, Live, command, serving
from tests.service.pictures import draw, encode, header_bomb
from tests.service.waiting import until

SIZE = (4000, 3000)
PIXELS_BYTES = 3 * SIZE[0] * SIZE[1]
SMALL = encode(draw())
CALLERS = 12

pytestmark = pytest.mark.skipif(
    not EMBEDDED_BUNDLES.is_dir(), reason="the embedded bundle is not here"
)


@pytest.fixture(scope="module")
def embedded() -> Iterator[Live]:
    with serving(EMBEDDED_BUNDLES) as server:
        yield server


@pytest.fixture(scope="module")
def large() -> dict[str, bytes]:
    """Draw pictures of 12 megapixels that are too large for the batch of others."""
    picture = draw(400, 300).resize(SIZE, Image.Resampling.NEAREST)
    found = {"JPEG": encode(picture, "JPEG"), "PNG": encode(picture, compress_level=1)}
    assert all(len(data) > DECODED_IN_BATCH_BYTES for data in found.values())
    return found


FLAT = encode(Image.new("RGB", (2000, 1000), (9, 8, 7)))  # 9 kB


def test_many_pixels_in_few_bytes_are_not_decoded_in_the_batch_of_others(embedded) -> None:
    small, flat = embedded.context.registry.get()._images.run([SMALL, FLAT], False)
    assert isinstance(small, Classified)
    assert isinstance(flat, PayloadTooLarge)


def test_many_pixels_in_few_bytes_are_answered_in_their_place(embedded) -> None:
    parts = [("image", data) for data in (SMALL, FLAT, SMALL)]
    results = embedded.client.post("/classify", files=parts).json()["results"]
    assert [result["image"]["width"] for result in results] == [48, 2000, 48]


def test_a_picture_beyond_the_limit_is_still_refused_alone(embedded) -> None:
    parts = [("image", data) for data in (SMALL, header_bomb(9_000, 9_000), SMALL)]
    results = embedded.client.post("/classify", files=parts).json()["results"]
    assert [result.get("error", {}).get("status") for result in results] == [None, 413, None]


def test_a_small_picture_waits_for_older_large_ones_and_not_for_younger(embedded, large) -> None:
    model = embedded.context.registry.get()
    loop = model._classify._loop.get_loop()
    order: list[str] = []

    def waiting() -> int:
        return len(embedded.context.cores._waiting)

    def ask(name: str, data: bytes) -> Future:
        asked = asyncio.run_coroutine_threadsafe(model.classify([data]), loop)
        asked.add_done_callback(lambda _: order.append(name))
        return asked

    with embedded.busy_engine():
        older = [ask("older", large["PNG"]) for _ in range(2)]
        until(lambda: waiting() == 2)
        small = ask("small", SMALL)
        until(lambda: waiting() == 3)
        younger = [ask("younger", large["PNG"]) for _ in range(6)]
        until(lambda: waiting() == 9)
        assert embedded.client.get("/health/live").status_code == 200
        assert embedded.client.get("/health/ready").status_code == 200
    assert not wait([*older, small, *younger], PATIENCE_SECONDS).not_done
    assert order[-1] == "younger"
    assert all(asked.result()[0].result.ranking for asked in (*older, small, *younger))


def test_many_callers_with_large_pictures_hold_few_of_them_decoded(large) -> None:
    with (
        command(EMBEDDED_BUNDLES, "--threads", "1") as server,
        httpx.Client(base_url=server.address, timeout=PATIENCE_SECONDS) as client,
        ThreadPoolExecutor(CALLERS) as callers,
    ):

        def ask(data: bytes) -> int:
            return client.post("/classify", content=data).status_code

        assert ask(SMALL) == 200
        before = server.peak_memory_bytes()
        for data in large.values():
            assert set(callers.map(ask, [data] * CALLERS * 2)) == {200}
        # two places, each with a picture and what its resizing takes, and what malloc keeps
        assert server.peak_memory_bytes() - before < CALLERS / 2 * PIXELS_BYTES
