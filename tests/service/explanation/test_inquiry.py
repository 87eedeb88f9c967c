"""A question about one picture on its way: what it needs, what it takes, what it warns of."""

from __future__ import annotations

import numpy as np
import pytest

from service.bundle import read_bundle
from service.contract import Contract
from service.engine import Engine
from service.explanation.inquiry import Explanation, Inquiry
from service.explanation.methods import METHODS
from service.explanation.passes import run_passes
from service.explanation.question import Question

PIXELS = np.random.default_rng(0).standard_normal((3, 32, 32), np.float32)
PATCHES, DEPTH = 16, 2
CONFIDENT = np.array([0, 5, 1], np.float32)


@pytest.fixture(scope="module")
def engine(tiny_bundle) -> Engine:
    return Engine(read_bundle(tiny_bundle), threads=1)


@pytest.fixture(scope="module")
def contract(tiny_bundle) -> Contract:
    return read_bundle(tiny_bundle).contract


def answered(engine: Engine, asked: Question) -> Explanation:
    inquiry = Inquiry(PIXELS, asked, engine.bundle.contract)
    while inquiry.answer is None:
        inquiry.take(run_passes(engine, inquiry.needed, 8))
    return inquiry.answer


def relevance_of(
    contract: Contract,
    asked: Question,
    *,
    logits: np.ndarray = CONFIDENT,
    token_norms: np.ndarray | None = None,
    relevance: np.ndarray | None = None,
) -> Explanation:
    """Answer a question of relevance with arrays that are written down here."""
    inquiry = Inquiry(PIXELS, asked, contract)
    rising = np.arange(PATCHES, dtype=np.float32) * np.ones((1, DEPTH, 1), np.float32)
    found = {
        "logits": logits,
        "token_norms": np.linspace(1, 2, PATCHES) if token_norms is None else token_norms,
        "relevance": rising if relevance is None else relevance,
    }
    inquiry.take([found])
    assert inquiry.answer is not None
    return inquiry.answer


# on its way


@pytest.mark.parametrize("name", METHODS)
def test_an_inquiry_waits_for_passes_until_its_answer_is_there(engine, name) -> None:
    inquiry = Inquiry(PIXELS, Question(name), engine.bundle.contract)
    while inquiry.answer is None:
        assert inquiry.needed
        inquiry.take(run_passes(engine, inquiry.needed, 8))
    assert inquiry.needed == []
    assert inquiry.answer.maps[0].scores.shape == (4, 4)


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if method.is_quick])
def test_a_quick_method_needs_one_pass_however_many_targets_there_are(contract, name) -> None:
    inquiry = Inquiry(PIXELS, Question(name, targets=(0, 1, 2)), contract)
    assert len(inquiry.needed) == 1


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("faithfulness", [False, True])
def test_too_few_or_too_many_outputs_are_refused_at_every_turn(engine, name, faithfulness) -> None:
    asked = Question(name, path_steps=20, curve_steps=4, faithfulness=faithfulness)
    inquiry = Inquiry(PIXELS, asked, engine.bundle.contract)
    while inquiry.answer is None:
        results = run_passes(engine, inquiry.needed, 8)
        for wrong in (results[:-1], [*results, results[0]]):
            with pytest.raises(ValueError, match=f"of {len(results)} passes; got {len(wrong)}"):
                inquiry.take(wrong)
        inquiry.take(results)
    assert np.isfinite(inquiry.answer.maps[0].scores).all()


def test_an_answer_stays_when_nothing_more_is_given(engine) -> None:
    inquiry = Inquiry(PIXELS, Question("relevance"), engine.bundle.contract)
    inquiry.take(run_passes(engine, inquiry.needed, 8))
    answer = inquiry.answer
    inquiry.take([])
    assert inquiry.answer is answer
    assert answer is not None


@pytest.mark.parametrize("name", METHODS)
def test_several_targets_have_the_maps_that_each_has_alone(engine, name) -> None:
    together = answered(engine, Question(name, targets=(2, 0, 1), path_steps=4))
    for target, one in zip((2, 0, 1), together.maps, strict=True):
        alone = answered(engine, Question(name, targets=(target,), path_steps=4)).maps[0]
        assert one.target == alone.target == target
        np.testing.assert_allclose(one.scores, alone.scores, atol=1e-4)


@pytest.mark.parametrize("faithfulness", [False, True])
def test_measuring_faithfulness_leaves_the_map_as_it_is(engine, faithfulness) -> None:
    asked = Question("gradcam", targets=(1,), faithfulness=faithfulness)
    plain = answered(engine, Question("gradcam", targets=(1,)))
    found = answered(engine, asked).maps[0]
    np.testing.assert_allclose(found.scores, plain.maps[0].scores, atol=1e-6)
    assert (found.faithfulness is not None) is faithfulness


# what to mind


def test_a_plain_answer_warns_of_nothing(contract) -> None:
    (one,) = relevance_of(contract, Question("relevance")).maps
    assert one.target == 1
    assert one.warnings == ()


def test_a_constant_map_is_warned_of_and_has_no_nan(contract) -> None:
    nothing = np.zeros((1, DEPTH, PATCHES), np.float32)
    (one,) = relevance_of(contract, Question("relevance"), relevance=nothing).maps
    assert one.warnings == ("constant_map",)
    assert np.isfinite(one.scores).all()


def test_a_token_that_is_far_longer_than_the_others_is_warned_of(contract) -> None:
    norms = np.linspace(1, 2, PATCHES)
    norms[5] = 40
    (one,) = relevance_of(contract, Question("relevance"), token_norms=norms).maps
    assert one.warnings == ("high_norm_tokens",)


@pytest.mark.parametrize(
    ("logits", "warnings"),
    [([0, 0.6, 0], ("low_confidence",)), ([0, 0.8, 0], ())],  # 0.477 and 0.527 of the probability
)
def test_less_than_half_of_the_probability_is_warned_of(contract, logits, warnings) -> None:
    found = relevance_of(contract, Question("relevance"), logits=np.array(logits, np.float32))
    assert found.maps[0].warnings == warnings


def test_a_class_that_is_not_the_predicted_one_is_warned_of(contract) -> None:
    (one,) = relevance_of(contract, Question("relevance", targets=(2,))).maps
    assert one.warnings == ("target_not_predicted",)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_that_is_the_same_for_every_class_is_warned_of(engine, name) -> None:
    first, second = answered(engine, Question(name, targets=(0, 1), path_steps=4)).maps
    is_agnostic = np.array_equal(first.scores, second.scores)
    assert is_agnostic is (name in ("rollout", "attention"))
    for one in (first, second):
        assert ("class_agnostic_method" in one.warnings) is is_agnostic
