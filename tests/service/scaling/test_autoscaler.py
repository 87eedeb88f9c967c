"""The autoscaler decides as Kubernetes' does."""

from __future__ import annotations

import pytest

from service.scaling.autoscaler import Autoscaler, Bounds, wanted


@pytest.mark.parametrize(
    ("values", "target", "expected"),
    [
        ([90, 90], 60, 3),
        ([100, 100, 100], 50, 6),
        ([30, 30, 30, 30], 60, 2),
        ([65, 65], 60, 2),  # within a tenth: 1.083
        ([55, 55], 60, 2),  # 0.917
        ([67, 67], 60, 3),  # 1.117
        ([0, 0], 60, 0),
    ],
)
def test_replicas_are_wanted_in_proportion_beyond_a_tenth(values, target, expected) -> None:
    assert wanted(values, 0, target) == expected


def test_those_that_start_count_as_idle_where_more_are_wanted() -> None:
    assert wanted([120, 120], 0, 60) == 4
    assert wanted([120, 120], 2, 60) == 4  # they are those that are missing
    assert wanted([120, 120], 1, 60) == 4


def test_those_that_start_do_not_turn_growing_into_shrinking() -> None:
    assert wanted([70], 9, 60) == 10


def test_those_that_start_count_as_on_target_where_fewer_are_wanted() -> None:
    assert wanted([30, 30], 2, 60) == 3


def test_nothing_is_wanted_while_nobody_is_ready() -> None:
    assert wanted([], 3, 60) == 3


def test_it_grows_at_once_but_no_faster_than_twice_or_two_more() -> None:
    autoscaler = Autoscaler(Bounds(1, 100))
    assert autoscaler.decide(15, 1, 50) == 3
    assert autoscaler.decide(30, 3, 50) == 6
    assert autoscaler.decide(45, 6, 50) == 12


def test_what_was_added_within_the_period_counts() -> None:
    autoscaler = Autoscaler(Bounds(1, 100))
    assert autoscaler.decide(15, 4, 50) == 8
    assert autoscaler.decide(20, 8, 50) == 8


def test_it_shrinks_once_fewer_were_enough_for_five_minutes_one_a_minute() -> None:
    autoscaler = Autoscaler(Bounds(1, 100))
    replicas, seen = autoscaler.decide(0, 4, 4), []
    for at in range(15, 601, 15):
        decided = autoscaler.decide(at, replicas, 1)
        if decided != replicas:
            seen.append((at, decided))
        replicas = decided
    assert seen == [(300, 3), (360, 2), (420, 1)]


def test_a_short_rise_postpones_shrinking() -> None:
    autoscaler = Autoscaler(Bounds(1, 100))
    for at in range(0, 285, 15):
        autoscaler.decide(at, 4, 4 if at in {0, 150} else 2)
    assert autoscaler.decide(300, 4, 2) == 4
    assert autoscaler.decide(450, 4, 2) == 3


def test_it_stays_within_its_bounds() -> None:
    autoscaler = Autoscaler(Bounds(2, 5, scale_down_seconds=0))
    assert autoscaler.decide(15, 4, 50) == 5
    assert autoscaler.decide(90, 2, 0) == 2
