"""Work in threads comes out in order, and ends early where it is left early."""

from __future__ import annotations

import threading
import time

import pytest

from model.side_by_side import side_by_side


def test_results_come_in_the_order_of_the_things():
    def slow_if_early(number: int) -> int:
        time.sleep(0.02 * (4 - number))
        return number

    with side_by_side(slow_if_early, range(5), workers=5) as results:
        assert list(results) == [0, 1, 2, 3, 4]


def test_things_are_worked_on_side_by_side():
    both = threading.Barrier(2, timeout=60)  # nobody passes alone
    with side_by_side(lambda _: both.wait(), range(4), workers=2) as results:
        assert len(list(results)) == 4


def test_leaving_early_drops_what_has_not_begun():
    begun = []

    def leave() -> None:
        with side_by_side(begun.append, range(1000), workers=1) as results:
            next(results)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        leave()
    assert len(begun) < 1000


def test_an_error_in_the_work_is_the_caller_s():
    with side_by_side(lambda number: 1 / number, [1, 0, 2], workers=2) as results:
        assert next(results) == 1
        with pytest.raises(ZeroDivisionError):
            next(results)


def test_every_thread_is_prepared():
    prepared = threading.local()

    def prepare() -> None:
        prepared.done = True

    with side_by_side(lambda _: prepared.done, range(8), 3, prepare) as results:
        assert all(results)
