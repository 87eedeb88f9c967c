"""What a run takes, learnt from runs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.latency_fit import LatencyFit


def test_nothing_is_known_before_the_first_run() -> None:
    assert LatencyFit().seconds(8) == 0


def test_one_size_gives_time_in_proportion() -> None:
    fit = LatencyFit()
    for _ in range(5):
        fit.observe(4, 0.02)
    assert fit.seconds(8) == pytest.approx(0.04)


@given(slope=st.floats(1e-4, 1), base=st.floats(0, 1), sizes=st.permutations([1, 2, 3, 5, 8]))
def test_a_line_is_found_exactly(slope, base, sizes) -> None:
    fit = LatencyFit()
    for size in sizes:
        fit.observe(size, slope * size + base)
    assert fit.seconds(6) == pytest.approx(slope * 6 + base, rel=1e-6)


def test_a_machine_that_became_slower_is_noticed() -> None:
    fit = LatencyFit()
    for size in [1, 4] * 100:
        fit.observe(size, 0.01 * size)
    for size in [1, 4] * 150:
        fit.observe(size, 0.03 * size)
    assert fit.seconds(4) == pytest.approx(0.12, rel=0.05)


@given(
    runs=st.lists(st.tuples(st.integers(1, 64), st.floats(0, 100)), min_size=1),
    size=st.integers(1, 64),
)
def test_no_prediction_is_negative_and_more_images_never_take_less(runs, size) -> None:
    fit = LatencyFit()
    for images, seconds in runs:
        fit.observe(images, seconds)
    assert 0 <= fit.seconds(size) <= fit.seconds(size + 1)
