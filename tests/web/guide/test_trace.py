"""How the guide asks for tensors: together, once, and no more than a step needs."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page

FETCH = """
async ([needs, place]) => {
  const { Trace } = await import("/web/guide/trace.js");
  const { readSample } = await import("/web/chooser.js");
  const { SAMPLES } = await import("/web/samples.js");
  const { bytes } = await readSample(SAMPLES[0]);
  window.traced ??= new Trace(bytes, { name: "cifar10", version: "1" });
  const all = await Promise.all(needs.map((one) => window.traced.fetch(one, place)));
  return all.map((tensors) => Object.fromEntries(Object.entries(tensors).map(
    ([name, { shape, data }]) => [name, { shape, data: [...data].slice(0, 200) }])));
}
"""
PLACE = {"layer": 3, "head": 2}


@pytest.fixture
def asked(guide: Page) -> list[dict[str, list[str]]]:
    questions: list[dict[str, list[str]]] = []
    guide.wait_for_timeout(400)  # what is asked ahead for the next step
    guide.on(
        "request",
        lambda request: (
            "/trace" in request.url and questions.append(parse_qs(urlsplit(request.url).query))
        ),
    )
    return questions


def test_what_is_wanted_in_one_tick_is_one_request(guide, asked):
    needs = [{"whole": ["logits"], "layer": ["norm1"]}, {"layer": ["norm1"], "head": ["scores"]}]
    first, second = guide.evaluate(FETCH, [needs, PLACE])
    assert [question["tensors"] for question in asked] == [["logits,norm1,scores"]]
    assert (asked[0]["layers"], asked[0]["heads"]) == (["3"], ["2"])
    assert first["norm1"] == second["norm1"]
    assert second["scores"]["shape"] == [65, 65]


def test_nothing_is_asked_twice(guide, asked):
    for _ in range(2):
        guide.evaluate(FETCH, [[{"head": ["query", "key"]}], PLACE])
    guide.evaluate(FETCH, [[{"head": ["key", "value"]}], PLACE])
    assert [question["tensors"] for question in asked] == [["query,key"], ["value"]]


def test_of_a_weight_only_the_rows_needed_come(guide, asked):
    (first,) = guide.evaluate(
        FETCH, [[{"layer": ["hidden"], "units": {"fc1_weight": [17, 3]}}], PLACE]
    )
    assert first["fc1_weight"]["shape"] == [2, 192]
    (second,) = guide.evaluate(FETCH, [[{"units": {"fc1_weight": [3]}}], PLACE])
    assert second["fc1_weight"]["data"][:8] == first["fc1_weight"]["data"][192:200]


def test_several_layers_and_heads_come_in_one_request_by_their_full_names(guide, asked):
    needs = {"head": ["attention"], "layers": [0, 1, 2, 3, 4, 5], "heads": [0, 1, 2]}
    (tensors,) = guide.evaluate(FETCH, [[needs], PLACE])
    assert len(asked) == 1
    assert len(tensors) == 18
    assert "layers.5.heads.2.attention" in tensors


@pytest.mark.parametrize("dtype", ["f16", "u8"])
def test_lighter_numbers_are_read_as_they_were_meant(guide, dtype):
    plain = {"head": ["attention"]}
    light = {**plain, "dtype": dtype}
    exact, rough = guide.evaluate(FETCH, [[plain, light], PLACE])
    assert rough["attention"]["data"] == pytest.approx(exact["attention"]["data"], abs=3e-3)


def test_a_layer_can_be_asked_that_is_not_the_views(guide, asked):
    guide.evaluate(FETCH, [[{"layer": ["output"], "at": {"layer": 5}}], PLACE])
    assert asked[0]["layers"] == ["5"]
