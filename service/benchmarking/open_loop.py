"""Requests that come when they come, whether or not the server keeps up.

A closed loop asks a slow server less often, and so hides how long others would have waited. Here
arrivals follow a schedule, and a latency counts from the scheduled arrival.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Sequence
from typing import Literal

from service.benchmarking import closed_loop
from service.benchmarking.connection import Address
from service.benchmarking.sample import Sample
from service.benchmarking.traffic import Traffic

Schedule = Literal["poisson", "fixed"]
SEED = 0


def arrivals(schedule: Schedule, per_second: float, seconds: float) -> list[float]:
    """Give the times of arrival, in seconds from the start; the same ones each time.

    `fixed` has the same time between any two, `poisson` that of callers who know nothing of each
    other: exponentially distributed.
    """
    if schedule == "fixed":
        return [index / per_second for index in range(max(1, int(per_second * seconds)))]
    source = random.Random(SEED)  # noqa: S311 - no secret
    times = [0.0]
    while (time_of_next := times[-1] + source.expovariate(per_second)) < seconds:
        times.append(time_of_next)
    return times


def keep_coming(
    address: Address,
    request: bytes,
    *,
    due: Sequence[float],
    connections: int,
    connect_each: bool = False,
) -> Sample:
    """Send a request at each of the times of `due`, over at most so many connections at once.

    An arrival that finds all of them taken is held back until one is free, and its latency counts
    that. A connection that cannot be made is an error. Waits for the last answers.
    """
    with Traffic(address, request, connect_each=connect_each) as traffic:
        started = time.perf_counter()
        coming = deque(started + seconds for seconds in due)
        held_back, full_at = 0, started - 1
        while coming or traffic.waiting:
            now = time.perf_counter()
            while coming and coming[0] <= now and traffic.waiting < connections:
                held_back += coming[0] <= full_at
                traffic.ask(coming.popleft())
            is_full = traffic.waiting >= connections
            if is_full:
                full_at = now
            seconds = coming[0] - now if coming and not is_full else closed_loop.ANSWER_SECONDS
            if traffic.wait(seconds) is None and seconds == closed_loop.ANSWER_SECONDS:
                traffic.give_up("no answer", traffic.waiting)
                traffic.give_up("never sent", len(coming))
                break
        return traffic.sample(time.perf_counter() - started, held_back)
