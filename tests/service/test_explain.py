"""Maps from attention and gradients, on arrays small enough to know the answer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.contract import Architecture
from service.engine import Attribution
from service.errors import InvalidParameter
from service.explain import (
    Question,
    attention_of_layer,
    attention_relevance,
    attention_rollout,
    explain_image,
    find_label,
    readout_share,
)

LABELS = ("cat", "dog", "ship")


def shape(pooling: str = "class_token", prefix_tokens: int = 1) -> Architecture:
    return Architecture(
        image_size=(16, 24),
        patch_size=8,
        grid=(2, 3),
        depth=2,
        heads=2,
        width=4,
        prefix_tokens=prefix_tokens,
        pooling=pooling,
        parameters=1,
    )


def attention_of(architecture: Architecture, seed: int = 0) -> np.ndarray:
    tokens = architecture.prefix_tokens + architecture.patches
    sizes = (architecture.depth, architecture.heads, tokens, tokens)
    weights = np.random.default_rng(seed).random(sizes, np.float32)
    return weights / weights.sum(axis=-1, keepdims=True)


def test_the_class_token_alone_is_read_out() -> None:
    np.testing.assert_array_equal(readout_share(shape()), [1, 0, 0, 0, 0, 0, 0])


def test_mean_pooling_reads_out_all_patches_alike_and_no_register() -> None:
    share = readout_share(shape("mean", prefix_tokens=3))
    np.testing.assert_allclose(share, [0, 0, 0] + [1 / 6] * 6)


@pytest.mark.parametrize("pooling", ["class_token", "mean"])
@pytest.mark.parametrize("prefix_tokens", [1, 4])
def test_rollout_keeps_the_whole_flow_in_the_sequence(pooling, prefix_tokens) -> None:
    architecture = shape(pooling, prefix_tokens)
    flow = attention_rollout(attention_of(architecture), architecture)
    assert flow.shape == (2, 3)
    assert 0 < flow.sum() <= 1 + 1e-5


def test_without_gradient_there_is_no_relevance() -> None:
    attention = attention_of(shape())
    np.testing.assert_array_equal(attention_relevance(attention, attention * 0, shape()), 0)


def test_relevance_of_mean_pooling_does_not_count_what_it_starts_from() -> None:
    attention = attention_of(shape("mean"))
    relevance = attention_relevance(attention, attention * 0, shape("mean"))
    np.testing.assert_array_equal(relevance, 0)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6), sign=st.sampled_from(["positive", "negative"]))
def test_relevance_is_never_negative(seed, sign) -> None:
    gradient = np.random.default_rng(seed).standard_normal((2, 2, 7, 7), np.float32)
    assert attention_relevance(attention_of(shape(), seed), gradient, shape(), sign).min() >= 0


def test_evidence_against_a_class_is_evidence_for_its_opposite() -> None:
    attention = attention_of(shape())
    gradient = np.random.default_rng(1).standard_normal(attention.shape, np.float32)
    np.testing.assert_array_equal(
        attention_relevance(attention, gradient, shape(), "negative"),
        attention_relevance(attention, -gradient, shape(), "positive"),
    )


def test_layers_are_counted_from_the_first_and_rows_are_queries() -> None:
    attention = attention_of(shape())
    found = attention_of_layer(attention, shape(), layer=0, head=1)
    np.testing.assert_allclose(found, attention[0, 1, 0, 1:].reshape(2, 3))


def test_a_constant_map_is_warned_of_and_has_no_nan() -> None:
    attention = np.full((2, 2, 7, 7), 1 / 7, np.float32)
    attribution = Attribution(np.array([1, 2, 3], np.float32), attention, attention[None] * 0)
    explanation = explain_image(attribution, shape(), Question())
    assert explanation.warnings == ("constant_map",)
    assert np.isfinite(explanation.scores).all()
    assert explanation.target == 2


def test_labels_come_before_indexes() -> None:
    assert find_label("1", ("0", "2", "1"), "target") == 2
    assert find_label("1", LABELS, "target") == 1


def test_the_nearest_labels_come_first() -> None:
    with pytest.raises(InvalidParameter, match="the nearest labels are ship"):
        find_label("shp", LABELS, "versus")


def test_a_question_weighs_its_target_against_another() -> None:
    np.testing.assert_array_equal(Question(target=2, versus=0).logit_weights(3), [-1, 0, 1])
    np.testing.assert_array_equal(Question().logit_weights(3), [0, 0, 0])
