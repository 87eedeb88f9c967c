"""A queue that stays full takes fewer for a while, and all again when they suffice."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.admission import FULL_SECONDS, RETRY_ALL_SECONDS, Admission
from service.errors import Overloaded


class Clock:
    """A clock that is set by hand, in seconds."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


def admission(clock: Clock, max_items: int = 64, largest_batch: int = 8) -> Admission:
    return Admission(max_items, "images", 2, largest_batch, in_crowd=2, clock=clock)


def fill(queue: Admission, items: int) -> ExitStack:
    held = ExitStack()
    for _ in range(items):
        held.enter_context(queue.admitted(1))
    return held


def most_that_fit(queue: Admission) -> int:
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(queue.admitted(1))
            except Overloaded:
                return queue.places.held


def test_a_rush_is_taken_whole_and_after_a_refusal_half_until_nobody_is_refused() -> None:
    clock = Clock()
    queue = admission(clock)
    assert most_that_fit(queue) == 64
    assert most_that_fit(queue) == 32
    clock.now += FULL_SECONDS - 0.1
    assert most_that_fit(queue) == 32, "somebody was refused, again"
    clock.now += FULL_SECONDS - 0.1
    with (
        fill(queue, 32),
        pytest.raises(Overloaded, match=r"32 images wait, .* no more than 32 may"),
    ):
        queue.check(1)
    clock.now += FULL_SECONDS
    assert most_that_fit(queue) == 64


def test_no_fewer_are_taken_than_keep_the_cpus_at_work() -> None:
    assert most_that_fit(queue := admission(Clock(), max_items=40)) == 40
    assert most_that_fit(queue) == 32, "two batches of 8 for each of two places"
    assert most_that_fit(queue := admission(Clock(), max_items=32)) == 32
    assert most_that_fit(queue) == 32
    assert most_that_fit(queue := admission(Clock(), max_items=200)) == 200
    assert most_that_fit(queue) == 100, "half are more than these"
    assert most_that_fit(queue := admission(Clock(), max_items=2)) == 2
    assert most_that_fit(queue) == 2


def test_many_images_of_one_request_are_taken_beside_few_though_others_are_refused() -> None:
    queue = admission(Clock())
    most_that_fit(queue)
    for waiting in (0, 1, 4):
        with fill(queue, waiting), queue.admitted(60):
            assert queue.places.held == waiting + 60


def test_a_request_that_is_too_large_for_what_is_free_costs_the_others_no_places() -> None:
    queue = admission(Clock())
    with fill(queue, 5), pytest.raises(Overloaded, match="60 more would pass the queue's 64"):
        queue.check(60)
    assert most_that_fit(queue) == 64


def test_callers_for_whom_the_places_suffice_are_not_refused_for_ever_after_one_refusal() -> None:
    """Those beyond half ask again before the second is over, and so it begins anew."""
    clock = Clock()
    queue = admission(clock)
    most_that_fit(queue)
    refused_after = []
    with fill(queue, 32):
        for _ in range(100):
            clock.now += FULL_SECONDS / 2
            try:
                queue.check(14)
            except Overloaded:
                refused_after.append(clock.now - 100)
    assert refused_after
    assert max(refused_after) < RETRY_ALL_SECONDS


def test_who_is_refused_is_told_when_to_come_back() -> None:
    queue = admission(Clock())
    queue.learn(8, 1.0, 1)
    most_that_fit(queue)
    with fill(queue, 32), pytest.raises(Overloaded) as refused:
        queue.check(1)
    assert refused.value.retry_after_seconds == pytest.approx(32 / 8 / 2 / 2)


@given(steps=st.lists(st.tuples(st.sampled_from(["take", "leave", "wait"]), st.integers(1, 70))))
def test_whatever_happens_no_more_than_the_bound_are_held_and_a_calm_second_restores_it(steps):
    clock = Clock()
    queue, held = admission(clock), []
    for what, number in steps:
        if what == "wait":
            clock.now += number / 50
        elif what == "leave" and held:
            held.pop(number % len(held)).__exit__(None, None, None)
        elif what == "take":
            before = queue.places.held
            try:
                one = queue.admitted(number)
                one.__enter__()
                held.append(one)
            except Overloaded:
                assert before >= 32 or before + number > 64
        assert queue.places.held <= 64
    for one in held:
        one.__exit__(None, None, None)
    clock.now += FULL_SECONDS
    assert most_that_fit(queue) == 64
