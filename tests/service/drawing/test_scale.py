"""What the ends of the colours stand for."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from service.drawing.heatmap import Scale

MAPS = arrays.arrays(
    np.float32,
    arrays.array_shapes(min_dims=2, max_dims=2),
    elements=st.floats(allow_nan=False, allow_infinity=False, width=32),
)
CLIPS = st.floats(50, 100)


def test_shares_span_the_scores() -> None:
    scores = np.array([[-2, 0], [1, 2]], np.float32)
    np.testing.assert_allclose(Scale.of(scores).shares(scores), [[0, 0.5], [0.75, 1]])


def test_a_signed_scale_reaches_as_far_on_both_sides_of_zero() -> None:
    scores = np.array([[-1, 0], [1, 4]], np.float32)
    scale = Scale.of(scores, signed=True)
    assert (scale.min, scale.max, scale.is_signed) == (-4, 4, True)
    np.testing.assert_allclose(scale.shares(scores), [[0.375, 0.5], [0.625, 1]])


def test_a_constant_map_has_shares_of_zero() -> None:
    scores = np.full((2, 2), 0.3, np.float32)
    assert Scale.of(scores).is_constant
    np.testing.assert_array_equal(Scale.of(scores).shares(scores), 0)


def test_a_signed_map_of_zeros_has_shares_of_a_half_and_no_negative_zero() -> None:
    scores = np.zeros((2, 2), np.float32)
    scale = Scale.of(scores, signed=True)
    np.testing.assert_array_equal(scale.shares(scores), 0.5)
    assert str(scale.min) == "0.0"


def test_clip_leaves_out_scores_beyond_the_percentile_at_both_ends() -> None:
    scores = np.arange(101, dtype=np.float32)[None]
    assert Scale.of(scores, clip=90) == Scale(10, 90)


def test_clip_of_a_signed_map_is_of_magnitudes() -> None:
    scores = np.concatenate([-np.arange(101), np.zeros(0)]).astype(np.float32)[None]
    assert Scale.of(scores, signed=True, clip=90) == Scale(-90, 90, True)


def test_a_clip_that_would_leave_one_value_spans_all_scores() -> None:
    scores = np.zeros((10, 10), np.float32)
    scores[0, 0] = 7
    assert Scale.of(scores, clip=90) == Scale(0, 7)
    assert Scale.of(-scores, signed=True, clip=90) == Scale(-7, 7, True)


def test_fixed_ends_override_scores_and_clip() -> None:
    scores = np.arange(9, dtype=np.float32)[None]
    assert Scale.of(scores, clip=50, fixed=(0, 0.5)) == Scale(0, 0.5)


def test_fixed_ends_of_a_signed_map_are_made_symmetric() -> None:
    scores = np.arange(9, dtype=np.float32)[None]
    assert Scale.of(scores, signed=True, fixed=(-0.2, 0.5)) == Scale(-0.5, 0.5, True)
    assert Scale.of(scores, signed=True, fixed=(-0.7, 0.5)) == Scale(-0.7, 0.7, True)


@given(MAPS, CLIPS, st.booleans())
def test_shares_of_any_finite_map_lie_between_0_and_1(scores, clip, signed) -> None:
    shares = Scale.of(scores, signed=signed, clip=clip).shares(scores)
    assert shares.dtype == np.float32
    assert ((shares >= 0) & (shares <= 1)).all()


@given(MAPS, CLIPS)
def test_clip_never_hides_the_difference_between_scores(scores, clip) -> None:
    scale = Scale.of(scores, clip=clip)
    assert scale.is_constant == (scores.min() == scores.max())


@given(MAPS, CLIPS)
def test_zero_lies_in_the_middle_of_a_signed_scale(scores, clip) -> None:
    scale = Scale.of(scores, signed=True, clip=clip)
    assert scale.min == -scale.max
    assert (scale.shares(np.zeros((1, 1), np.float32)) == 0.5).all()


@given(MAPS, MAPS)
def test_equal_scores_have_equal_shares_on_a_fixed_scale(one, other) -> None:
    other.flat[0] = one.flat[0]
    shares = [Scale.of(scores, fixed=(0, 0.5)).shares(scores) for scores in (one, other)]
    assert shares[0].flat[0] == shares[1].flat[0]
