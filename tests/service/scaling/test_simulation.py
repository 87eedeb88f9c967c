"""A simulated day follows its curve, its capacity and its seed."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from service.scaling.autoscaler import Bounds, Target
from service.scaling.cli import main
from service.scaling.day import SHARES, Day
from service.scaling.report import row
from service.scaling.simulation import Capacity, simulate

FLAT = (1.0,)
COMMAND = (
    *("--images-per-second", "50", "--cost-per-hour", "0.5", "--peak", "90"),
    *("--hours", "0.5", "--least", "1"),
)


def test_the_curve_meets_its_hours_and_the_next_midnight() -> None:
    day = Day(100)
    assert [day.rate(3600 * hour) for hour in range(24)] == pytest.approx(
        [100 * share for share in SHARES]
    )
    assert day.rate(1800) == pytest.approx(50 * (SHARES[0] + SHARES[1]))
    assert day.rate(86400 - 1) == pytest.approx(day.rate(0), rel=0.01)


def test_as_many_come_as_the_curve_says() -> None:
    random = np.random.default_rng(0)
    counts = [len(Day(200, FLAT).arrivals(second, random)) for second in range(2000)]
    assert np.mean(counts) == pytest.approx(200, rel=0.01)
    assert np.var(counts) == pytest.approx(200, rel=0.1)  # as Poisson has it


def test_one_replica_waits_as_theory_says_through_the_whole_simulation() -> None:
    utilization, per_second = 0.7, 100
    capacity = Capacity(per_second, cores=1, max_queue=10**6)
    day = Day(utilization * per_second, FLAT)
    outcome = simulate(day, capacity, (), Bounds(1, 1), hours=0.5, seed=3)
    waits = outcome.latencies - 1 / per_second
    expected = utilization / (2 * (1 - utilization)) / per_second  # Pollaczek and Khinchine
    assert waits.mean() == pytest.approx(expected, rel=0.05)


def test_a_variation_of_one_is_exponential() -> None:
    lengths = Capacity(100, cores=1, variation=1).core_seconds(100_000, np.random.default_rng(0))
    assert lengths.mean() == pytest.approx(0.01, rel=0.02)
    assert lengths.std() == pytest.approx(0.01, rel=0.02)


def test_replicas_settle_where_their_cpus_are_as_busy_as_asked() -> None:
    capacity = Capacity(100, start_seconds=20)
    outcome = simulate(Day(560, FLAT), capacity, (Target("cpu", 70),), Bounds(2, 20), hours=0.4)
    assert set(outcome.replicas[-40:]) == {8}  # 560 = 8 x 0.7 x 100


def test_too_few_replicas_are_helped_by_their_queue() -> None:
    capacity = Capacity(100, start_seconds=20, max_queue=64)
    bounds = Bounds(1, 20)
    alone = simulate(Day(390, FLAT), capacity, (), Bounds(1, 1), hours=0.2)
    helped = simulate(Day(390, FLAT), capacity, (Target("queue", 8),), bounds, hours=0.2)
    assert alone.refused / (alone.refused + len(alone.latencies)) == pytest.approx(0.74, abs=0.02)
    assert helped.replicas[-1] >= 4
    assert helped.refused < alone.refused / 4


def test_no_answer_takes_longer_than_a_full_queue() -> None:
    capacity = Capacity(100, cores=2, max_queue=64)
    outcome = simulate(Day(400, FLAT), capacity, (), Bounds(1, 1), hours=0.02)
    assert outcome.latencies.max() <= 64 / 100 + 0.02
    assert outcome.refused


def test_a_row_sums_up_a_day() -> None:
    outcome = simulate(Day(50, FLAT), Capacity(100), (), Bounds(3, 3), hours=1)
    summed = row("nothing", outcome, cost_per_hour=0.2)
    assert summed.replica_hours == 3
    assert summed.replicas_by_hour == (3.0,)
    assert summed.images == pytest.approx(180_000, rel=0.02)
    assert summed.cost_per_million == pytest.approx(3 * 0.2 / summed.images * 1e6, rel=1e-3)


def test_the_same_seed_gives_the_same_day_and_another_another(tmp_path, capsys) -> None:
    written = []
    for number, seed in enumerate(("1", "1", "2")):
        path = tmp_path / f"{number}.json"
        main([*COMMAND, "--cpu-percent", "70", "--seed", seed, "--output", str(path)])
        written.append(json.loads(path.read_text())["rows"])
    capsys.readouterr()
    assert written[0] == written[1] != written[2]


def test_the_command_gives_a_row_for_each_way_to_scale(capsys) -> None:
    main([*COMMAND, "--cpu-percent", "50", "--cpu-percent", "70", "--fixed", "3"])
    main([*COMMAND, "--cpu-percent", "70", "--queued-images", "8", "--together"])
    lines = [line.split("|")[1].strip() for line in capsys.readouterr().out.splitlines()]
    assert lines[2:5] == ["cpu 50 %", "cpu 70 %", "nothing, 3 stay"]
    assert lines[7:] == ["cpu 70 % and queue 8"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ([], "give --cpu-percent, --queued-images or --fixed"),
        (["--cpu-percent", "0"], "are above 0"),
        (["--fixed", "2", "--least", "9", "--most", "3"], "--least 9 is more than --most 3"),
        (["--fixed", "2", "--peak", "-1"], "peak"),
        (["--fixed", "2", "--peak", "1e-9", "--hours", "0.01"], "raise --peak or --hours"),
    ],
)
def test_what_does_not_fit_is_refused(options, reason, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*COMMAND[:6], *options])
    assert ended.value.code == 64
    assert reason in capsys.readouterr().err


def test_it_is_a_module_that_runs() -> None:
    asked = [sys.executable, "-m", "service.scaling", "--help"]
    ended = subprocess.run(asked, capture_output=True, text=True, check=True)
    assert ended.stdout.startswith("usage: python -m service.scaling")


def test_a_file_that_cannot_be_written_is_an_error(tmp_path, capsys) -> None:
    with pytest.raises(SystemExit):
        main([*COMMAND, "--fixed", "1", "--output", str(tmp_path / "none" / "day.json")])
    assert "choose another --output" in capsys.readouterr().err
