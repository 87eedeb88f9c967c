"""Maps from attention, on arrays small enough to know the answer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from service.explanation.maps import (
    attention_of_layer,
    attention_rollout,
    discard_weakest,
    fuse_heads,
    high_norm_patches,
    patch_map,
    readout_share,
    signed_relevance,
)
from tests.service.architectures import architecture, attention_of

POOLINGS = pytest.mark.parametrize("pooling", ["class_token", "mean"])


def test_the_class_token_alone_is_read_out() -> None:
    np.testing.assert_array_equal(readout_share(architecture()), [1, 0, 0, 0, 0, 0, 0])


def test_mean_pooling_reads_out_all_patches_alike_and_no_register() -> None:
    share = readout_share(architecture("mean", prefix_tokens=3))
    np.testing.assert_allclose(share, [0, 0, 0] + [1 / 6] * 6)


def test_a_model_without_class_token_may_have_nothing_but_patches() -> None:
    shape = architecture("mean", prefix_tokens=0, class_token=False)
    np.testing.assert_allclose(readout_share(shape), [1 / 6] * 6)
    flow = attention_rollout(attention_of(shape), shape)
    assert flow.sum() == pytest.approx(1, abs=1e-5)


def test_of_two_parts_of_a_readout_each_has_half() -> None:
    share = readout_share(architecture("class_token_and_mean", prefix_tokens=2))
    np.testing.assert_allclose(share, [1 / 2, 0] + [1 / 12] * 6)
    share = readout_share(architecture("class_and_distillation_token", prefix_tokens=3))
    np.testing.assert_allclose(share, [1 / 2, 1 / 2, 0] + [0] * 6)


def test_a_map_leaves_class_token_and_registers_out() -> None:
    tokens = np.arange(9, dtype=np.float32)
    found = patch_map(tokens, architecture(prefix_tokens=3))
    np.testing.assert_array_equal(found, [[3, 4, 5], [6, 7, 8]])


# rollout


@POOLINGS
@pytest.mark.parametrize("prefix_tokens", [1, 4])
def test_rollout_keeps_the_whole_flow_in_the_sequence(pooling, prefix_tokens) -> None:
    shape = architecture(pooling, prefix_tokens)
    flow = attention_rollout(attention_of(shape), shape)
    assert flow.shape == (2, 3)
    assert 0 < flow.sum() <= 1 + 1e-5


@POOLINGS
@pytest.mark.parametrize("start_layer", [0, 1, 2])
def test_rollout_is_the_product_of_the_layers_from_the_start_layer_on(pooling, start_layer) -> None:
    shape = architecture(pooling, prefix_tokens=2, depth=3)
    attention = attention_of(shape)
    identity = np.eye(8)
    flow = identity
    for heads in attention[start_layer:]:
        flow = (heads.mean(axis=0) + identity) / 2 @ flow
    expected = (readout_share(shape) @ flow)[2:].reshape(2, 3)
    found = attention_rollout(attention, shape, start_layer=start_layer)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("fusion", ["mean", "max", "min"])
def test_rollout_joins_the_heads_as_it_is_asked_to(fusion) -> None:
    shape = architecture(depth=1)
    attention = attention_of(shape)
    found = attention_rollout(attention, shape, fusion=fusion)
    row = getattr(np, fusion)(attention[0], axis=0)[0, 1:]
    np.testing.assert_allclose(found.ravel(), row / 2, atol=1e-7)


# one layer


def test_layers_are_counted_from_the_first_and_rows_are_queries() -> None:
    attention = attention_of(architecture())
    found = attention_of_layer(attention, architecture(), layer=0, head=1)
    np.testing.assert_allclose(found, attention[0, 1, 0, 1:].reshape(2, 3))


def test_the_last_layer_is_meant_where_none_is_named() -> None:
    attention = attention_of(architecture())
    found = attention_of_layer(attention, architecture())
    np.testing.assert_allclose(found.ravel(), attention[-1].mean(axis=0)[0, 1:], atol=1e-7)


def test_mean_pooling_attends_as_its_patches_do_on_average() -> None:
    shape = architecture("mean", prefix_tokens=2)
    attention = attention_of(shape)
    found = attention_of_layer(attention, shape, layer=1, head=0)
    np.testing.assert_allclose(found.ravel(), attention[1, 0, 2:, 2:].mean(axis=0), atol=1e-6)


@pytest.mark.parametrize("fusion", ["mean", "max", "min"])
def test_heads_are_joined_entry_by_entry(fusion) -> None:
    attention = attention_of(architecture())
    joined = fuse_heads(attention, fusion)
    assert joined.shape == (2, 7, 7)
    assert joined[1, 2, 3] == pytest.approx(getattr(np, fusion)(attention[1, :, 2, 3]))


# weak attention


def test_nothing_is_discarded_at_a_ratio_of_0() -> None:
    attention = attention_of(architecture())
    np.testing.assert_array_equal(discard_weakest(attention, 0, architecture()), attention)


def test_the_weakest_patches_of_each_row_go_and_the_rest_sums_to_1() -> None:
    row = np.array([0.4, 0.05, 0.2, 0.01, 0.1, 0.04, 0.2], np.float32)
    kept = np.array([0.4, 0, 0.2, 0, 0.1, 0, 0.2], np.float32) / 0.9
    found = discard_weakest(np.stack([row, row[::1]]), 0.5, architecture())
    np.testing.assert_allclose(found, np.stack([kept, kept]), atol=1e-6)


def test_the_class_token_and_registers_are_never_discarded() -> None:
    shape = architecture(prefix_tokens=3)
    attention = np.full((1, 9), 1.0, np.float32)
    attention[:, :3] = 1e-3
    found = discard_weakest(attention, 0.99, shape)
    assert (found[:, :3] > 0).all()
    assert (found[:, 3:] > 0).sum() == 1


def test_what_is_given_stays_as_it_was() -> None:
    attention = attention_of(architecture())
    before = attention.copy()
    discard_weakest(attention, 0.5, architecture())
    np.testing.assert_array_equal(attention, before)


def test_a_row_of_nothing_stays_nothing_and_is_not_divided_by_0() -> None:
    attention = np.zeros((1, 7), np.float32)
    np.testing.assert_array_equal(discard_weakest(attention, 0.5, architecture()), attention)


@settings(deadline=None, max_examples=60)
@given(
    attention=arrays(np.float32, (2, 7, 7), elements=st.floats(0, 1, width=32)),
    ratio=st.floats(0, 0.999),
)
def test_discarding_gives_finite_rows_of_whole_sums(attention, ratio) -> None:
    found = discard_weakest(attention, ratio, architecture())
    assert np.isfinite(found).all()
    if int(ratio * 6):
        sums = found.sum(axis=-1)
        assert (np.isclose(sums, 1, atol=1e-4) | (sums == 0)).all()


# signs


@pytest.mark.parametrize(
    ("sign", "expected"), [("positive", [3, 1]), ("negative", [1, 2]), ("both", [2, -1])]
)
def test_a_sign_chooses_what_speaks_for_or_against(sign, expected) -> None:
    for_class, against = np.array([3, 1], np.float32), np.array([1, 2], np.float32)
    np.testing.assert_array_equal(signed_relevance(for_class, against, sign), expected)


# long tokens


def test_a_token_far_longer_than_the_others_is_counted() -> None:
    norms = np.array([1.0, 1.1, 0.9, 1.05, 0.95, 30, 1.0, 20], np.float32)
    assert high_norm_patches(norms) == 2


def test_a_token_far_shorter_is_not_counted() -> None:
    assert high_norm_patches(np.array([1.0, 1.1, 0.9, 1.05, 0.95, 0.0001], np.float32)) == 0


def test_six_median_deviations_are_the_bound() -> None:
    norms = [9, 10, 10, 11, 9, 11]  # median 10, deviations 1 in the median
    assert high_norm_patches(np.array([*norms, 16], np.float32)) == 0
    assert high_norm_patches(np.array([*norms, 16.1], np.float32)) == 1


def test_tokens_of_one_length_have_none_that_stand_out() -> None:
    assert high_norm_patches(np.full(16, 3, np.float32)) == 0


@settings(deadline=None, max_examples=60)
@given(arrays(np.float32, st.integers(1, 30), elements=st.floats(0, 1e6, width=32)))
@example(np.array([5], np.float32))
def test_never_half_of_the_tokens_stand_out(norms) -> None:
    assert 0 <= high_norm_patches(norms) <= len(norms) / 2
