"""From logits to named probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.classify import probabilities, top_predictions

numbers = st.lists(st.floats(-1e4, 1e4, width=32), min_size=2, max_size=50)


@settings(deadline=None, max_examples=100)
@given(logits=numbers)
def test_all_classes_are_named_once_best_first_and_sum_to_one(logits) -> None:
    labels = [f"class {index}" for index in range(len(logits))]
    predictions = top_predictions(np.array(logits, np.float32), labels, len(logits))
    shares = [item.probability for item in predictions]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1, abs=1e-5)
    assert sorted(item.index for item in predictions) == list(range(len(logits)))
    assert all(item.label == labels[item.index] for item in predictions)


@settings(deadline=None, max_examples=50)
@given(logits=numbers, top_k=st.integers(1, 60))
def test_top_k_names_at_most_all(logits, top_k) -> None:
    labels = [str(index) for index in range(len(logits))]
    predictions = top_predictions(np.array(logits, np.float32), labels, top_k)
    assert len(predictions) == min(top_k, len(logits))


def test_equal_classes_come_by_index() -> None:
    predictions = top_predictions(np.zeros(3, np.float32), "abc", 3)
    assert [item.label for item in predictions] == ["a", "b", "c"]


def test_huge_logits_do_not_overflow() -> None:
    shares = probabilities(np.array([3e38, 0, -3e38], np.float32) / 2)
    np.testing.assert_array_equal(shares, [1, 0, 0])
