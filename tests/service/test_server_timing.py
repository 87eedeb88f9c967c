"""The header Server-Timing: where a request's time went, for the browser's own tools."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.service.live import Live
from tests.service.pictures import draw, encode

PICTURE = encode(draw())
# https://www.w3.org/TR/server-timing/: names are tokens, a parameter follows a semicolon
ENTRY = re.compile(r"([!#$%&'*+.^_`|~\w-]+);dur=(\d+(?:\.\d+)?)")


def timing(response: httpx.Response) -> dict[str, float]:
    entries = [ENTRY.fullmatch(entry) for entry in response.headers["server-timing"].split(", ")]
    assert all(entries), response.headers["server-timing"]
    return {entry[1]: float(entry[2]) for entry in entries if entry}


@pytest.mark.parametrize(
    ("path", "stages"),
    [
        ("/classify", ["read", "decode", "queue", "inference", "encode", "total"]),
        ("/explain", ["read", "decode", "queue", "explain", "encode", "total"]),
        ("/explain?format=png", ["read", "decode", "queue", "explain", "encode", "total"]),
        ("/explain?method=occlusion", ["read", "decode", "queue", "study", "encode", "total"]),
    ],
)
def test_an_answer_says_how_long_each_stage_took(live: Live, path, stages) -> None:
    spent = timing(live.client.post(path, content=PICTURE))
    total = spent["total"]
    assert list(spent) == stages
    assert 0 < sum(spent.values()) - total <= total


def test_the_header_agrees_with_the_answer(live: Live) -> None:
    response = live.client.post("/classify", content=PICTURE)
    stated = response.json()["timing_ms"]
    spent = timing(response)
    assert {name: spent[name] for name in ("decode", "queue", "inference")} == {
        name: stated[name] for name in ("decode", "queue", "inference")
    }
    assert spent["total"] >= stated["total"]


def test_a_refusal_says_how_far_it_came(live: Live) -> None:
    assert list(timing(live.client.post("/classify", content=b"no picture"))) == [
        "read",
        "decode",
        "total",
    ]


def test_what_has_no_stages_has_no_such_header(live: Live) -> None:
    assert "server-timing" not in live.client.get("/health/live").headers
