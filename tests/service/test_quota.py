"""A bound on what is under way: never passed, and given back whatever happens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import Overloaded
from service.quota import Quota


def test_what_does_not_fit_is_refused_with_the_numbers_and_the_time_to_stay_away() -> None:
    quota = Quota(10, "bytes")
    with quota.take(8), pytest.raises(Overloaded, match="8 bytes wait and 3 more") as refused:
        quota.check(3, retry_after_seconds=7.0)
    assert refused.value.retry_after_seconds == 7.0


def test_what_was_taken_is_given_back_after_a_failure() -> None:
    quota = Quota(10, "bytes")
    with pytest.raises(ZeroDivisionError), quota.take(8):
        raise ZeroDivisionError
    assert quota.held == 0


@given(amounts=st.lists(st.integers(0, 9)), limit=st.integers(1, 20))
def test_more_can_be_held_bit_by_bit_up_to_the_limit_and_all_of_it_comes_back(amounts, limit):
    quota = Quota(limit, "bytes")
    with quota.take() as hold:
        for amount in amounts:
            before = quota.held
            try:
                hold.add(amount)
            except Overloaded:
                assert before + amount > limit
                assert quota.held == before
            assert quota.held <= limit
    assert quota.held == 0
