"""Amounts that are kept for a while reach their metrics whole, in one process or in several."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram

from service.metrics import SEVERAL_PROCESSES, Metrics
from service.tally import MOST_KEPT, Tally


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


def test_no_more_is_kept_than_is_told_in_a_moment() -> None:
    told: list[float] = []
    tally = Tally()
    for amount in range(MOST_KEPT):
        assert not told
        tally.add(told.append, amount)
    assert told == list(range(MOST_KEPT))


def test_threads_that_add_and_tell_at_once_lose_nothing() -> None:
    tally, told = Tally(), Counter("told", "told", registry=None)

    def add_many(_: int) -> None:
        for _ in range(5000):
            tally.add(told.inc)

    with ThreadPoolExecutor(4) as threads:
        adding = threads.map(add_many, range(3))
        looking = threads.submit(lambda: [tally.tell() for _ in range(3000)])
        list(adding)
        looking.result()
    tally.tell()
    (family,) = told.collect()
    assert next(one.value for one in family.samples if one.name == "told_total") == 15_000


def test_of_several_processes_each_tells_at_once(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv(SEVERAL_PROCESSES, str(tmp_path))
    told: list[float] = []
    Metrics().count(told.append, 3)
    assert told == [3]


@pytest.mark.parametrize("amounts", [1, MOST_KEPT + 1])
def test_the_exposition_of_one_process_has_what_is_kept(monkeypatch, amounts) -> None:
    monkeypatch.delenv(SEVERAL_PROCESSES, raising=False)
    metrics = Metrics()
    for _ in range(amounts):
        metrics.count(metrics.stage("read").observe, 0.5)
    count = f'vitrine_stage_seconds_count{{stage="read"}} {amounts}.0'
    assert count in metrics.exposition().decode().splitlines()
