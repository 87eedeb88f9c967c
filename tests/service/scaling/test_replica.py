"""A replica waits and refuses as queueing theory says."""

from __future__ import annotations

import math

import numpy as np
import pytest

from service.scaling.replica import Replica

IMAGES = 200_000
MEAN_SECONDS = 0.01


def erlang_c(cores: int, load: float) -> float:
    """Give the probability that a caller of M/M/c waits, `load` in cores."""
    terms = [load**k / math.factorial(k) for k in range(cores)]
    last = load**cores / math.factorial(cores) / (1 - load / cores)
    return last / (sum(terms) + last)


def run(cores: int, utilization: float, lengths: np.ndarray, max_queue: int = IMAGES):
    """Give the waits of images that come at random, in means of their length, and the refused."""
    random = np.random.default_rng(1)
    gaps = random.exponential(MEAN_SECONDS / cores / utilization, len(lengths))
    replica = Replica(cores, max_queue)
    ends = [
        replica.offer(at, seconds)
        for at, seconds in zip(np.cumsum(gaps).tolist(), lengths.tolist(), strict=True)
    ]
    waits = [
        end - at - seconds
        for end, at, seconds in zip(ends, np.cumsum(gaps), lengths, strict=True)
        if end is not None
    ]
    return np.mean(waits) / MEAN_SECONDS, ends.count(None) / len(ends)


def exponential() -> np.ndarray:
    return np.random.default_rng(2).exponential(MEAN_SECONDS, IMAGES)


@pytest.mark.parametrize(("cores", "utilization"), [(1, 0.5), (1, 0.8), (2, 0.7), (4, 0.8)])
def test_it_waits_as_erlang_says_where_lengths_are_exponential(cores, utilization) -> None:
    wait, refused = run(cores, utilization, exponential())
    expected = erlang_c(cores, cores * utilization) / (cores * (1 - utilization))
    assert wait == pytest.approx(expected, rel=0.07)
    assert refused == 0


@pytest.mark.parametrize("utilization", [0.5, 0.8])
def test_it_waits_half_as_long_where_all_lengths_are_the_same(utilization) -> None:
    wait, _ = run(1, utilization, np.full(IMAGES, MEAN_SECONDS))
    expected = utilization / (2 * (1 - utilization))  # Pollaczek and Khinchine
    assert wait == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(("utilization", "places"), [(0.9, 4), (2.0, 8)])
def test_it_refuses_the_share_that_a_bounded_queue_must(utilization, places) -> None:
    _, refused = run(1, utilization, exponential(), max_queue=places)
    full = utilization**places * (1 - utilization) / (1 - utilization ** (places + 1))  # M/M/1/K
    assert refused == pytest.approx(full, rel=0.03)


def test_it_knows_what_is_left_and_what_waits() -> None:
    replica = Replica(cores=2, max_queue=4)
    assert [replica.offer(0, 10) for _ in range(5)] == [10, 10, 20, 20, None]
    assert replica.waiting(5) == 2
    assert replica.seconds_left(5) == 30
    assert (replica.waiting(20), replica.seconds_left(20)) == (0, 0)
    assert replica.offer(20, 1) == 21


def test_one_that_starts_answers_when_it_is_ready() -> None:
    assert Replica(cores=1, max_queue=4, ready_at=7).offer(5, 1) == 8
