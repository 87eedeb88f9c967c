"""How true a map is, for a toy of which everybody knows what it looks at."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.contract import Contract
from service.explanation.faithfulness import (
    area_under,
    both_orders,
    faithfulness_of,
    measure_orders,
    order_of,
    random_orders,
    removal_counts,
    strongest_count,
    what_is_left,
)
from service.explanation.removal import PatchRemover
from tests.service.architectures import architecture
from tests.service.toys import Toy

WORTH = np.array([[3, -2, 0.5], [1, 0, -1]], np.float32)
GRID = (2, 3)


def contract(patches: tuple[int, int] = GRID) -> Contract:
    return Contract.model_construct(architecture=architecture(grid=patches), labels=("no", "yes"))


def measured(scores: np.ndarray, worth: np.ndarray = WORTH, steps: int = 6, target: int = 1):
    """Measure a map of a toy that adds up what its patches are worth."""
    scores = np.asarray(scores, np.float32)
    remover = PatchRemover(np.zeros((3, 16, 24), np.float32), "token", contract())
    controls = random_orders(scores.size)
    orders = [*both_orders(scores), *controls]
    found = Toy(worth.ravel()).answer(measure_orders(orders, remover, steps))
    return faithfulness_of(scores, target, steps, controls, found)


def sigmoid(value: float) -> float:
    return 1 / (1 + np.exp(-value))


# areas and counts


def test_the_area_of_a_constant_is_that_constant() -> None:
    assert area_under(np.full(4, 0.3), np.array([0, 0.2, 0.5, 1])) == pytest.approx(0.3)


def test_the_area_of_a_straight_line_is_its_middle() -> None:
    assert area_under(np.array([1.0, 0.75, 0.0]), np.array([0, 0.25, 1])) == pytest.approx(0.5)


@settings(deadline=None, max_examples=100)
@given(patches=st.integers(1, 400), steps=st.integers(2, 128))
def test_counts_rise_from_none_to_all_and_are_no_more_than_the_steps_need(patches, steps) -> None:
    counts = removal_counts(patches, steps)
    assert (counts[0], counts[-1]) == (0, patches)
    assert all(former < latter for former, latter in pairwise(counts))
    assert len(counts) <= steps + 1
    assert len(counts) == steps + 1 or patches < steps


@settings(deadline=None, max_examples=50)
@given(patches=st.integers(1, 400))
def test_the_strongest_are_a_tenth_and_at_least_one(patches) -> None:
    assert 1 <= strongest_count(patches) <= max(1, patches / 10 + 0.5)


@settings(deadline=None, max_examples=50)
@given(patches=st.integers(1, 60), steps=st.integers(2, 40))
def test_what_is_left_goes_down_from_all_to_none(patches, steps) -> None:
    order = np.random.default_rng(0).permutation(patches)
    *falling, strongest = what_is_left(order, steps)
    assert len(falling[0]) == patches
    assert len(falling[-1]) == 0
    for larger, smaller in pairwise(falling):
        assert set(smaller) < set(larger)
    assert set(strongest) == set(order[: strongest_count(patches)])


def test_equal_scores_are_ordered_from_the_top_left() -> None:
    assert order_of(np.zeros((2, 3), np.float32)).tolist() == [0, 1, 2, 3, 4, 5]
    assert order_of(np.array([[1, 2, 1]], np.float32)).tolist() == [1, 0, 2]


def test_random_orders_are_the_same_at_every_call_and_differ_from_each_other() -> None:
    first, second = random_orders(20), random_orders(20)
    for former, latter in zip(first, second, strict=True):
        np.testing.assert_array_equal(former, latter)
        assert sorted(former) == list(range(20))
    assert len({tuple(order) for order in first}) == len(first)


# a toy


def test_the_curves_are_those_that_one_computes_by_hand() -> None:
    found = measured(WORTH)
    falling = [1.5, -1.5, -2.5, -3, -3, -2, 0]  # 3, 1, 0.5, 0, -1 and -2 go
    np.testing.assert_allclose(
        found.most_relevant_first.probabilities, [sigmoid(left) for left in falling], atol=1e-6
    )
    rising = [1.5, 3.5, 4.5, 4.5, 4, 3, 0]  # -2, -1, 0, 0.5, 1 and 3 go
    np.testing.assert_allclose(
        found.least_relevant_first.probabilities, [sigmoid(left) for left in rising], atol=1e-6
    )
    np.testing.assert_allclose(found.removed, np.arange(7) / 6, atol=1e-7)
    assert found.whole == pytest.approx(sigmoid(1.5), abs=1e-6)


def test_an_order_falls_by_what_its_strongest_tenth_is_worth() -> None:
    found = measured(WORTH)
    most = found.most_relevant_first
    assert found.comprehensiveness(most) == pytest.approx(sigmoid(1.5) - sigmoid(-1.5), abs=1e-6)
    assert found.sufficiency(most) == pytest.approx(sigmoid(1.5) - sigmoid(3), abs=1e-6)


def test_a_right_map_is_above_a_random_one_and_that_above_the_reversed_one() -> None:
    right, reversed_one = measured(WORTH), measured(-WORTH)
    random = np.mean(
        [measured(np.random.default_rng(seed).random(GRID)).delta for seed in range(20)]
    )
    assert right.delta > random + 0.1
    assert random - 0.1 > reversed_one.delta
    assert right.delta > 0 > reversed_one.delta


@settings(deadline=None, max_examples=30)
@given(st.permutations(range(6)))
def test_no_map_has_a_greater_delta_than_the_right_one(ranks) -> None:
    assert measured(np.array(ranks).reshape(GRID)).delta <= measured(WORTH).delta + 1e-6


@settings(deadline=None, max_examples=30)
@given(st.permutations(range(6)), st.integers(2, 12))
def test_the_delta_of_the_reversed_map_is_its_negative(ranks, steps) -> None:
    scores = np.array(ranks, np.float32).reshape(GRID)
    assert measured(-scores, steps=steps).delta == pytest.approx(
        -measured(scores, steps=steps).delta, abs=1e-6
    )


def test_the_delta_of_the_other_class_is_its_negative() -> None:
    assert measured(WORTH, target=0).delta == pytest.approx(-measured(WORTH).delta, abs=1e-6)


def test_a_constant_map_tells_nothing_and_has_no_delta() -> None:
    found = measured(np.zeros(GRID))
    assert np.isfinite(found.most_relevant_first.probabilities).all()
    assert found.delta == 0


def test_a_model_that_looks_at_nothing_has_no_delta() -> None:
    found = measured(WORTH, worth=np.zeros(6, np.float32))
    assert found.delta == pytest.approx(0, abs=1e-7)
    assert found.most_relevant_first.area == pytest.approx(0.5)


def test_every_set_of_patches_is_run_once() -> None:
    toy = Toy(WORTH.ravel())
    remover = PatchRemover(np.zeros((3, 16, 24), np.float32), "token", contract())
    order = order_of(WORTH)
    toy.answer(measure_orders([order, order, order[::-1]], remover, 6))
    sets = [tuple(one.others["keep"]) for one in toy.runs]
    assert len(sets) == len(set(sets))
    assert len(sets) == 12  # all, none, 5 of each order; the first alone is the last of the other
