"""Odd pictures, posted to a real server: always an answer, in bounded time and memory."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.service.live import Command, command
from tests.service.pictures import draw, encode, header_bomb
from tests.service.problems import assert_problem_document

ODD_IMAGES = Path(__file__).parents[3] / "shared" / "data" / "odd-images"
MOST_SECONDS = 2
MOST_BYTES = 1024**3

ZOO = {
    "grey": (encode(draw().convert("L")), 200),
    "palette": (encode(draw().convert("P")), 200),
    "palette with transparency": (encode(draw().convert("P"), transparency=0), 200),
    "CMYK JPEG": (encode(draw().convert("CMYK"), "JPEG"), 200),
    "16 bit PNG": (encode(Image.new("I;16", (9, 9), 40_000)), 200),
    "16 bit TIFF": (encode(Image.new("I;16", (9, 9), 40_000), "TIFF"), 200),
    "1 bit": (encode(draw().convert("1")), 200),
    "grey with alpha": (encode(draw().convert("LA")), 200),
    "RGBA": (encode(draw().convert("RGBA")), 200),
    "animated GIF": (encode(draw(), "GIF", save_all=True, append_images=[draw(seed=1)]), 200),
    "animated WebP": (encode(draw(), "WEBP", save_all=True, append_images=[draw(seed=1)]), 200),
    "one pixel": (encode(Image.new("RGB", (1, 1))), 200),
    "100,000 x 1": (encode(Image.new("RGB", (100_000, 1))), 200),
    "1 x 100,000": (encode(Image.new("RGB", (1, 100_000))), 200),
    "12 megapixels": (encode(Image.new("L", (4000, 3000))), 200),
    "truncated": (encode(draw())[:-30], 422),
    "header bomb": (header_bomb(60_000, 60_000), 413),
    "zero bytes": (b"", 400),
    "text": (b"just some text", 415),
    "EPS": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", 415),
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415),
}


@pytest.fixture(scope="module")
def server(tiny_bundles) -> Iterator[Command]:
    with command(tiny_bundles) as running:
        httpx.post(f"{running.address}/classify", content=encode(draw()))
        yield running
        assert running.peak_memory_bytes() < MOST_BYTES


def answer(server: Command, data: bytes, path: str = "/classify") -> httpx.Response:
    started = time.perf_counter()
    response = httpx.post(f"{server.address}{path}", content=data, timeout=60)
    assert time.perf_counter() - started < MOST_SECONDS
    if response.status_code != 200:
        assert 400 <= response.status_code < 500, response.text
        assert_problem_document(response)
    return response


@pytest.mark.parametrize(("data", "status"), ZOO.values(), ids=ZOO.keys())
def test_an_odd_picture_is_answered(server, data, status) -> None:
    assert answer(server, data).status_code == status


@pytest.mark.parametrize("data", [data for data, status in ZOO.values() if status == 200])
def test_an_odd_picture_that_is_read_is_drawn_too(server, data) -> None:
    response = answer(server, data, "/explain?format=png")
    assert response.headers["content-type"] == "image/png"


def odd_images() -> list[dict[str, str]]:
    manifest = ODD_IMAGES / "manifest.tsv"
    if not manifest.is_file():
        return []
    with manifest.open(newline="", encoding="utf-8") as rows:
        return list(csv.DictReader(rows, delimiter="\t"))


READ = {"JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "MPO"}


@pytest.mark.skipif(not ODD_IMAGES.is_dir(), reason="../shared/data/odd-images is not here")
@pytest.mark.parametrize("row", odd_images(), ids=lambda row: row["file"])
def test_a_picture_that_broke_a_decoder_is_answered_as_pillow_reads_it(server, row) -> None:
    response = answer(server, (ODD_IMAGES / row["file"]).read_bytes())
    is_readable = (
        row["pillow"] == "decodes to RGB"
        and row["format"] in READ
        and row["exif_orientation"] != "EXIF OSError"  # Pillow read it at the second attempt only
    )
    assert (response.status_code == 200) == is_readable, response.text
