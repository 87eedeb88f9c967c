"""Percentiles, and what is done about CPU time that was stolen."""

from __future__ import annotations

from dataclasses import astuple

import pytest

from service.benchmarking.sample import Percentiles, Sample, side_by_side
from service.benchmarking.stolen import CpuTimes, cpu_times, undisturbed


def test_percentiles_are_in_milliseconds():
    found = Percentiles.of([number / 1000 for number in range(1, 1002)])
    assert astuple(found) == pytest.approx((1001, 501, 901, 991, 1000, 1001))


def test_there_is_nothing_to_say_of_no_latencies():
    assert Percentiles.of([]) is None


def test_loops_side_by_side_add_up():
    both = side_by_side([Sample((0.1,) * 10, 1, {"503": 1}), Sample((0.1,) * 30, 2, {"503": 2})])
    assert (len(both.latencies_seconds), both.seconds, both.errors) == (40, 2, {"503": 3})


def test_stolen_time_is_read_from_what_the_system_counts(tmp_path):
    statistics = tmp_path / "stat"
    statistics.write_text("cpu  10 20 30 40 50 60 70 80 5 6\ncpu0 1 1 1 1 1 1 1 1 0 0\n")
    before = cpu_times(statistics)
    assert before == CpuTimes(stolen=80, all=360)
    statistics.write_text("cpu  10 20 30 130 50 60 70 90 5 6\n")
    assert cpu_times(statistics).stolen_since(before) == pytest.approx(0.1)


def test_nothing_is_stolen_where_the_system_does_not_say(tmp_path):
    assert cpu_times(tmp_path / "missing").stolen_since(cpu_times(tmp_path / "missing")) == 0
    (tmp_path / "old").write_text("cpu 1 2 3 4\n")
    assert cpu_times(tmp_path / "old") == CpuTimes(0, 10)


def measured(*stolen: int) -> tuple[Sample, int]:
    """Measure where so many of 100 ticks are stolen each time; give the sample, and how often."""
    ticks = iter([tick for part in stolen for tick in (CpuTimes(0, 0), CpuTimes(part, 100))])
    counts = []

    def measure(seconds: float) -> Sample:
        counts.append(seconds)
        return Sample((0.1,) * len(counts), 1)

    return undisturbed(measure, 1, lambda: next(ticks)), len(counts)


def test_a_sample_that_lost_little_is_taken():
    sample, count = measured(4)
    assert (sample.stolen, sample.repeats, count) == (0.04, 0, 1)


def test_a_sample_that_lost_much_is_repeated():
    sample, count = measured(50, 1)
    assert (sample.stolen, sample.repeats, count) == (0.01, 1, 2)
    assert len(sample.latencies_seconds) == 2


def test_repeating_ends_with_the_sample_that_lost_least():
    sample, count = measured(50, 20, 30)
    assert (sample.stolen, sample.repeats, count) == (0.2, 2, 3)
    assert len(sample.latencies_seconds) == 2
