"""Work ahead of its use comes in order, with its errors, and ends when it is left."""

from __future__ import annotations

import threading
from itertools import count

import pytest

from model.ahead import ahead


def test_items_come_in_order_and_end():
    assert list(ahead(iter(range(7)), count=3)) == list(range(7))
    assert list(ahead(iter(()))) == []


def test_the_next_items_are_worked_on_before_they_are_asked_for():
    second = threading.Event()

    def items():
        yield 1
        second.set()
        yield 2

    coming = ahead(items(), count=2)
    assert next(coming) == 1
    assert second.wait(timeout=60)
    assert list(coming) == [2]


def test_an_error_comes_where_its_item_would_have_come():
    def items():
        yield 1
        raise OSError("the disk left")

    coming = ahead(items())
    assert next(coming) == 1
    with pytest.raises(OSError, match="the disk left"):
        next(coming)


def test_leaving_an_endless_iterator_ends_its_thread():
    before = threading.active_count()
    coming = ahead(count())
    assert next(coming) == 0
    assert threading.active_count() == before + 1
    coming.close()
    assert threading.active_count() == before
