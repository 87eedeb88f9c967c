"""The golden replay: only a model that gives the numbers it was exported with is served."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from service.bundle import read_bundle
from service.contract import GOLDEN_FILE
from service.decoding import ImageLimits
from service.drawing.options import Drawing
from service.engine import Engine
from service.errors import ContractError
from service.explanation.question import ExplainOptions, ask
from service.golden import (
    Golden,
    replay_attend,
    replay_classify,
    replay_explain,
    replay_trace,
)
from service.local import LocalModel
from tests.service.pictures import draw, encode

LIMITS = ImageLimits()


@pytest.fixture(scope="module")
def engine(tiny_bundle) -> Engine:
    return Engine(read_bundle(tiny_bundle), threads=1)


@pytest.fixture(scope="module")
def golden(tiny_bundle) -> Golden:
    return Golden.load(tiny_bundle / GOLDEN_FILE)


def test_an_honest_bundle_passes(engine, golden) -> None:
    replay_classify(engine, golden, LIMITS)
    replay_explain(engine, golden)
    replay_attend(engine, golden)
    replay_trace(engine, golden)


def test_a_replay_without_maps_checks_the_logits_alone(engine, golden) -> None:
    replay_explain(engine, replace(golden, relevance=None))
    replay_attend(engine, replace(golden, rollout=None))


def test_golden_numbers_read_back_as_they_were_saved(golden, tmp_path) -> None:
    golden.save(tmp_path / GOLDEN_FILE)
    again = Golden.load(tmp_path / GOLDEN_FILE)
    assert again.images == golden.images
    for name in ("pixel_values", "logits", "relevance", "rollout"):
        np.testing.assert_array_equal(getattr(again, name), getattr(golden, name))


@pytest.mark.parametrize(
    ("name", "replay"),
    [
        ("pixel_values", lambda engine, golden: replay_classify(engine, golden, LIMITS)),
        ("logits", lambda engine, golden: replay_classify(engine, golden, LIMITS)),
        ("logits", replay_explain),
        ("relevance", replay_explain),
        ("logits", replay_attend),
        ("rollout", replay_attend),
        ("logits", replay_trace),
    ],
)
@pytest.mark.parametrize("falsify", [lambda a: a + 1, lambda a: a * np.nan])
def test_false_numbers_are_refused(engine, golden, name, replay, falsify) -> None:
    false = replace(golden, **{name: falsify(getattr(golden, name))})
    with pytest.raises(ContractError, match=r"are off by (1|nan)"):
        replay(engine, false)


def test_numbers_of_another_shape_are_refused(engine, golden) -> None:
    false = replace(golden, logits=golden.logits[:, :2])
    with pytest.raises(ContractError, match="logits have the shape"):
        replay_classify(engine, false, LIMITS)


def test_pictures_of_other_content_are_refused(engine, golden) -> None:
    false = replace(golden, images=golden.images[::-1])
    with pytest.raises(ContractError, match="golden pixel values are off"):
        replay_classify(engine, false, LIMITS)


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04 no archive", b"\x80\x04K\x07.", b"\x93NUMPY"]
)
def test_a_file_that_is_no_archive_is_refused(tmp_path, content) -> None:
    (tmp_path / GOLDEN_FILE).write_bytes(content)
    with pytest.raises(ContractError, match=r"golden\.npz cannot be replayed: .*export"):
        Golden.load(tmp_path / GOLDEN_FILE)


def test_an_archive_without_the_arrays_is_refused(tmp_path) -> None:
    np.savez(tmp_path / GOLDEN_FILE, logits=np.zeros((1, 3)))
    with pytest.raises(ContractError, match="image_0"):
        Golden.load(tmp_path / GOLDEN_FILE)


@pytest.mark.parametrize("name", ["relevance", "rollout"])
def test_a_small_map_that_is_all_zero_is_refused(engine, golden, name) -> None:
    false = replace(golden, **{name: getattr(golden, name) * 0})
    with pytest.raises(ContractError, match=f"{name} are off"):
        (replay_explain if name == "relevance" else replay_attend)(engine, false)


@pytest.mark.parametrize(
    ("false", "method"), [("relevance", "integrated_gradients"), ("rollout", "occlusion")]
)
def test_no_graph_answers_on_the_command_line_before_it_was_replayed(
    copy_bundle, golden, tmp_path, false, method
) -> None:
    replace(golden, **{false: getattr(golden, false) + 1}).save(tmp_path / GOLDEN_FILE)
    folder = copy_bundle(files={GOLDEN_FILE: (tmp_path / GOLDEN_FILE).read_bytes()})
    (tmp_path / "picture.png").write_bytes(encode(draw()))
    model = LocalModel(folder)
    asked = ask(model.contract, ExplainOptions(method=method))
    with pytest.raises(ContractError, match=f"golden {false} are off"):
        model.explain(tmp_path / "picture.png", asked, Drawing())
