"""Arrivals on a schedule, whose latency counts from when they were due."""

from __future__ import annotations

import asyncio
import socket
from itertools import pairwise

import pytest

from service.benchmarking import closed_loop
from service.benchmarking.closed_loop import keep_busy
from service.benchmarking.open_loop import arrivals, keep_coming
from service.benchmarking.request import post
from service.benchmarking.sample import Percentiles
from tests.service.benchmarking.answering import BUSY, HANG_UP, OK, after, answering


def come(address, due, connections=64, **options):
    request = post(address, "/classify", b"picture")
    return keep_coming(address, request, due=due, connections=connections, **options)


def test_fixed_arrivals_have_the_same_time_between_them():
    assert arrivals("fixed", per_second=4, seconds=1) == [0, 0.25, 0.5, 0.75]


def test_random_arrivals_come_as_often_on_average_and_are_the_same_each_time():
    times = arrivals("poisson", per_second=1000, seconds=10)
    assert times == sorted(times) == arrivals("poisson", per_second=1000, seconds=10)
    assert len(times) == pytest.approx(10_000, rel=0.05)
    gaps = [later - sooner for sooner, later in pairwise(times)]
    short = sum(gap < 0.001 for gap in gaps) / len(gaps)
    assert short == pytest.approx(1 - 1 / 2.718, abs=0.03)  # exponentially distributed


def test_every_arrival_is_answered_and_connections_are_used_again():
    with answering(after(0)) as seen:
        sample = come(seen.address, arrivals("fixed", 200, 0.2))
    assert len(sample.latencies_seconds) == len(seen.requests) == 40
    assert 0 < seen.connections < 40
    assert (sample.errors, sample.held_back) == ({}, 0)


def test_who_waits_for_a_server_that_stops_is_counted_where_a_closed_loop_hides_it():
    async def stop_once(number: int) -> bytes:
        await asyncio.sleep(0.4 if number == 5 else 0)
        return OK

    with answering(stop_once) as seen:
        waited = come(seen.address, arrivals("fixed", 100, 0.5), connections=1)
    with answering(stop_once) as seen:
        request = post(seen.address, "/classify", b"picture")
        hidden = keep_busy(seen.address, request, callers=1, seconds=0.5)
    # the server stood still from the sixth arrival, at 0.05 s, to 0.45 s: those of the first half
    # of this time waited for 0.2 s and more
    assert sum(latency > 0.19 for latency in waited.latencies_seconds) >= 15
    assert waited.held_back >= 30
    assert sum(latency > 0.19 for latency in hidden.latencies_seconds) == 1


def test_latency_counts_from_the_arrival_where_connections_are_too_few():
    with answering(after(0.05)) as seen:
        sample = come(seen.address, due=[0.0] * 6, connections=2)
    assert seen.connections == 2
    latencies = sorted(sample.latencies_seconds)
    assert latencies[0] >= 0.05
    assert latencies[2] >= 0.1
    assert latencies[4] >= 0.15
    assert sample.held_back == 4


def test_refusals_are_kept_apart_from_answers():
    async def refuse_some(number: int) -> bytes:
        if number % 2:
            return BUSY
        await asyncio.sleep(0.1)
        return OK

    with answering(refuse_some) as seen:
        sample = come(seen.address, due=[0.0] * 10)
    accepted = Percentiles.of(sample.latencies_seconds)
    refused = Percentiles.of(sample.refusals_seconds)
    assert (accepted.count, refused.count, sample.errors) == (5, 5, {"503": 5})
    assert accepted.p50 >= 100
    assert refused.p50 < accepted.p50


def test_a_connection_for_each_arrival():
    with answering(after(0)) as seen:
        sample = come(seen.address, due=[0.0] * 5, connect_each=True)
    assert (len(sample.latencies_seconds), seen.connections) == (5, 5)


def test_a_connection_that_breaks_is_an_error_and_the_others_are_answered():
    async def hang_up_once(number: int) -> bytes:
        return HANG_UP if number == 3 else OK

    with answering(hang_up_once) as seen:
        sample = come(seen.address, arrivals("fixed", 200, 0.05))
    assert (len(sample.latencies_seconds), sample.errors) == (9, {"connection closed": 1})


def test_refused_connections_are_counted():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    sample = come(address, due=[0.0] * 3)
    assert sample.errors == {"connection refused": 3}


def test_a_server_that_never_answers_ends_the_load(monkeypatch):
    monkeypatch.setattr(closed_loop, "ANSWER_SECONDS", 0.1)
    with answering(after(5)) as seen:
        sample = come(seen.address, due=[0.0] * 3, connections=2)
    assert sample.errors == {"no answer": 2, "never sent": 1}
