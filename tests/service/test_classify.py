"""From logits to named probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.classify import probabilities, rankings

numbers = st.lists(st.floats(-1e4, 1e4, width=32), min_size=2, max_size=50)


@settings(deadline=None, max_examples=100)
@given(logits=numbers)
def test_all_classes_are_there_once_best_first_and_sum_to_one(logits) -> None:
    (ranking,) = rankings(np.array([logits], np.float32))
    indexes, shares = zip(*ranking.top(len(logits)), strict=True)
    assert list(shares) == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1, abs=1e-5)
    assert sorted(indexes) == list(range(len(logits)))
    assert list(shares) == ranking.probabilities[list(indexes)].tolist()
    assert indexes[0] == ranking.best


@settings(deadline=None, max_examples=50)
@given(logits=numbers, top_k=st.integers(1, 60))
def test_top_k_names_at_most_all(logits, top_k) -> None:
    (ranking,) = rankings(np.array([logits], np.float32))
    assert len(ranking.top(top_k)) == min(top_k, len(logits))


def test_equal_classes_come_by_index() -> None:
    (ranking,) = rankings(np.zeros((1, 3), np.float32))
    assert [index for index, _ in ranking.top(3)] == [0, 1, 2]


def test_of_rows_that_failed_the_others_are_ranked_as_they_are(recwarn) -> None:
    good = [1.0, 3.0, 2.0]
    bad = [[np.nan, 1, 2], [np.inf, -np.inf, 0], [-np.inf] * 3]
    found = rankings(np.array([good, *bad, good], np.float32), [None, "a", "b", "c", None])
    (expected,) = rankings(np.array([good], np.float32))
    for ranking in (found[0], found[-1]):
        assert ranking.top(3) == expected.top(3)
    assert all(np.isfinite(ranking.probabilities).all() for ranking in found)
    assert not list(recwarn)


def test_huge_logits_do_not_overflow() -> None:
    shares = probabilities(np.array([3e38, 0, -3e38], np.float32) / 2)
    np.testing.assert_array_equal(shares, [1, 0, 0])
