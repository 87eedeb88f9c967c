"""Amounts that are kept for a while reach their metrics whole, in one process or in several."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram

from service.exchange import Exchange
from service.metrics import SEVERAL_PROCESSES, Metrics
from service.stage_times import note_stage
from service.tally import MANY, Tally


def test_what_is_kept_is_told_when_a_registry_is_collected() -> None:
    registry, tally = CollectorRegistry(), Tally()
    registry.register(tally)
    asked = Counter("asked", "asked", registry=registry)
    seconds = Histogram("seconds", "seconds", buckets=(1, 10), registry=registry)
    tally.add(asked.inc)
    tally.add(seconds.observe, 5)
    tally.add(asked.inc, 2)
    assert registry.get_sample_value("asked_total") == 3
    assert registry.get_sample_value("seconds_bucket", {"le": "1.0"}) == 0
    assert registry.get_sample_value("seconds_bucket", {"le": "10.0"}) == 1
    assert registry.get_sample_value("seconds_sum") == 5
    assert registry.get_sample_value("asked_total") == 3, "once each"


def test_it_tells_by_itself_only_when_there_are_many() -> None:
    told: list[float] = []
    tally = Tally()
    for amount in range(MANY):
        tally.tell_if_many()
        assert not told
        tally.add(told.append, amount)
    tally.tell_if_many()
    assert told == list(range(MANY))


def test_what_threads_add_while_it_tells_is_neither_lost_nor_told_twice() -> None:
    told: list[float] = []
    tally = Tally()

    def add_many(first: int) -> None:
        for amount in range(first, first + 5000):
            tally.add(told.append, amount)

    with ThreadPoolExecutor(3) as threads:
        adding = [threads.submit(add_many, first) for first in (0, 5000, 10_000)]
        while not all(one.done() for one in adding):
            tally.tell()
    tally.tell()
    assert sorted(told) == list(range(15_000))


def test_of_several_processes_each_tells_at_once(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv(SEVERAL_PROCESSES, str(tmp_path))
    told: list[float] = []
    Metrics().later(told.append, 3)
    assert told == [3]


@pytest.mark.parametrize("requests", [1, MANY + 1])
def test_the_exposition_of_one_process_has_what_is_kept(monkeypatch, requests) -> None:
    monkeypatch.delenv(SEVERAL_PROCESSES, raising=False)
    metrics = Metrics()
    for _ in range(requests):
        with Exchange("my-id", route="/classify", status=503, problem="overloaded") as exchange:
            note_stage(metrics, "read", 0.5)
            exchange.ended = exchange.started + 0.7
            metrics.note_request(exchange)
    lines = metrics.exposition().decode().splitlines()
    for series, value in {
        'requests_total{code="503",reason="overloaded",route="/classify"}': requests,
        'request_seconds_bucket{le="0.5",route="/classify"}': 0,
        'request_seconds_bucket{le="1.0",route="/classify"}': requests,
        'stage_seconds_count{stage="read"}': requests,
        'rejected_total{reason="overloaded"}': requests,
    }.items():
        assert f"vitrine_{series} {value}.0" in lines


def test_a_stage_of_a_request_that_has_ended_counts_all_the_same(monkeypatch) -> None:
    monkeypatch.delenv(SEVERAL_PROCESSES, raising=False)
    metrics = Metrics()
    with Exchange("my-id") as exchange:
        exchange.ended = exchange.started
        metrics.note_request(exchange)
        note_stage(metrics, "explain", 0.5)
    note_stage(metrics, "explain", 0.5)
    assert exchange.stages == []
    lines = metrics.exposition().decode().splitlines()
    assert 'vitrine_stage_seconds_count{stage="explain"} 2.0' in lines
