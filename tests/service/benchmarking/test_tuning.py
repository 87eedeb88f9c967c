"""`vitrine benchmark --autotune`: what is tried, which is best, and the file that says so."""

from __future__ import annotations

import subprocess

import pytest

from service.benchmarking.sample import Sample
from service.benchmarking.tuning import (
    Choice,
    combinations,
    environment_file,
    other_batches,
    trial_table,
    trials,
)
from service.budget import CpuBudget
from service.cli import main
from service.settings import Settings

pytestmark = pytest.mark.usefixtures("untraced_processes")

FAST, SLOW = Choice(2, 1, 8), Choice(1, 2, 8)


def at(per_second: int) -> list[Sample]:
    return [Sample((1 / per_second,) * per_second, 1)]


def test_workers_and_threads_share_the_cpus_or_one_process_has_fewer():
    shared = {choice[:2] for choice in combinations(4, 8, has_workers=True)}
    assert shared == {(1, 1), (1, 2), (1, 4), (2, 2), (4, 1)}
    assert {choice[:2] for choice in combinations(3, 8, has_workers=True)} >= {(1, 3), (3, 1)}


def test_one_cpu_leaves_nothing_to_share():
    assert combinations(1, 8, has_workers=True) == [Choice(1, 1, 8)]


def test_only_what_there_is_is_tuned():
    choices = combinations(2, 8, has_workers=False)
    assert choices == [Choice(0, 1, 8), Choice(0, 2, 8)]
    assert "VITRINE_WORKERS" not in choices[0].variables


def test_other_batches_are_half_and_twice_as_large():
    assert [choice.max_batch_size for choice in other_batches(FAST)] == [4, 16]
    assert [choice.max_batch_size for choice in other_batches(Choice(1, 1, 1))] == [1, 2]


def test_the_best_is_best_on_average_over_the_numbers_of_callers():
    found = trials({(SLOW, 1): at(100), (FAST, 1): at(90), (SLOW, 8): at(100), (FAST, 8): at(200)})
    assert [trial.choice for trial in found] == [FAST, SLOW]
    assert found[0].score == pytest.approx(0.9**0.5)
    assert found[1].score == pytest.approx(0.5**0.5)
    assert trial_table(found).splitlines()[2].startswith("| workers 2, threads 1, batch 8 ")


def test_a_shell_reads_the_file(tmp_path):
    path = tmp_path / "tuned.env"
    path.write_text(environment_file(FAST, "measured here\nwith care"))
    script = f"set -a; . {path}; set +a; env | grep ^VITRINE_ | sort"
    read = subprocess.run(["sh", "-c", script], env={}, capture_output=True, text=True, check=True)
    assert read.stdout.split() == [
        "VITRINE_MAX_BATCH_SIZE=8",
        "VITRINE_THREADS=1",
        "VITRINE_WORKERS=2",
    ]


def test_the_command_tries_settings_and_writes_the_best(
    tiny_bundles, tmp_path, monkeypatch, capsys
):
    one = CpuBudget(1, "test")  # more CPUs are more choices, which take longer
    monkeypatch.setattr("service.benchmarking.autotune.cpu_budget", lambda: one)
    path = tmp_path / "tuned.env"
    options = ["--rounds", "1", "--seconds", "0.02", "--output", str(path)]
    main(["benchmark", "--autotune", "--bundles", str(tiny_bundles), *options])
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    written = dict(line.split("=") for line in lines)
    assert written["VITRINE_THREADS"] == "1"
    assert ("VITRINE_WORKERS" in written) == ("workers" in Settings.model_fields)
    assert written["VITRINE_MAX_BATCH_SIZE"] in {"4", "8", "16"}
    told = capsys.readouterr().out
    rows = [line for line in told.splitlines() if "threads 1, batch" in line]
    best = f"threads 1, batch {written['VITRINE_MAX_BATCH_SIZE']} "
    assert best in rows[0]
    assert rows[0].rstrip(" |").rsplit("| ", 1)[1] == max(
        row.rstrip(" |").rsplit("| ", 1)[1] for row in rows
    )
    assert f"set -a; . {path}; set +a; vitrine serve" in told
