"""What has a goal: how it is computed, and that all of it is measured in one run."""

from __future__ import annotations

import json

import pytest

from service.benchmarking import cli, gate_run
from service.benchmarking.gate import Gate, gate_table
from service.benchmarking.gates import (
    int8_gates,
    large_gates,
    memory_gates,
    speed_gates,
    start_gates,
)
from service.benchmarking.memory import Memory
from service.benchmarking.pictures import Picture, large_jpeg, small_png, usual_jpeg
from service.benchmarking.sample import Sample
from service.benchmarking.scenario import Scenario
from service.benchmarking.workload import CLASSIFY, PLAIN
from service.cli import main
from service.decoding import ImageLimits, decode_image
from tests.service.pictures import draw, encode

pytestmark = pytest.mark.usefixtures("untraced_processes")


def lasting(seconds: float, count: int) -> list[Sample]:
    """Give one round of a second with so many answers, each of which took so long."""
    return [Sample((seconds,) * count, 1)]


def by_name(gates: list[Gate]) -> dict[str, Gate]:
    return {gate.name: gate for gate in gates}


def test_served_classification_is_compared_with_both_loops():
    samples = {
        Scenario("classify", "each", "p"): lasting(0.01, 200),
        Scenario("classify", "all", "p"): lasting(0.005, 150),
        Scenario("classify", 1, "p"): lasting(0.0065, 140),
        Scenario("classify", 8, "p"): lasting(0.05, 190),
        Scenario("classify", 32, "p"): lasting(0.32, 160),
    }
    gates = by_name(speed_gates(samples, "p"))
    assert {name: (gate.measured, gate.is_met) for name, gate in gates.items()} == {
        "p: throughput at 8 callers / a loop a CPU": (0.95, True),
        "p: throughput at 32 callers / a loop a CPU": (0.8, False),
        "p: p99 at 32 callers / ideal wait": (
            pytest.approx(1.6),
            True,
        ),  # 32 callers / 160 a second
        "p: p50 of one caller - one loop with all CPUs": (pytest.approx(1.5), False),
    }


def test_a_large_picture_is_compared_with_a_plain_decode():
    samples = {
        Scenario(PLAIN.name, "each", "p"): lasting(0.1, 10),
        Scenario(CLASSIFY.name, "each", "p"): lasting(0.1, 30),
        Scenario(CLASSIFY.name, 8, "p"): lasting(0.1, 20),
    }
    assert [gate.measured for gate in large_gates(samples, "p")] == [3, 2]
    assert [gate.is_met for gate in large_gates(samples, "p")] == [True, False]


def test_starts_memory_and_int8_have_goals():
    assert [gate.is_met for gate in start_gates({"first": 1.3, "second": 1.1})] == [False, True]
    held = {"ready": Memory(300_000_000, 150_000_000), "loaded": None}
    assert [(gate.measured, gate.is_met) for gate in memory_gates(held)] == [(150, True)]
    (gate,) = int8_gates(lasting(0.1, 30), lasting(0.1, 20), "p")
    assert (gate.measured, gate.is_met) == (1.5, True)


def test_the_table_says_what_is_not_met():
    gates = [Gate("wait", "at most", 20, 19.5, "ms"), Gate("ratio", "at least", 0.93, 0.9, "", "!")]
    assert gate_table(gates).splitlines() == [
        "| gate  | goal          | measured | met |",
        "|-------|---------------|----------|-----|",
        "| wait  | at most 20 ms | 19.50 ms | yes |",
        "| ratio | at least 0.93 | 0.90 !   | NO  |",
    ]


@pytest.mark.parametrize(
    ("picture", "size", "least", "most"),
    [
        (small_png, (32, 32), 1_000, 3_200),
        (usual_jpeg, (500, 375), 40_000, 60_000),
        (large_jpeg, (4000, 3000), 2_500_000, 3_500_000),
    ],
)
def test_pictures_are_as_large_as_photographs_are(picture, size, least, most):
    data = picture().data
    decoded = decode_image(data, ImageLimits())
    assert (decoded.width, decoded.height) == size
    assert least < len(data) < most


def test_everything_with_a_goal_is_measured_in_one_run(tiny_bundles, tmp_path, monkeypatch, capsys):
    large = Picture("large", encode(draw(900, 700), "JPEG"))
    monkeypatch.setattr(gate_run, "large_jpeg", lambda: large)  # twelve megapixels take long
    monkeypatch.setattr(cli, "NOT_MET", 3)
    output = tmp_path / "gates.json"
    options = ["--rounds", "1", "--seconds", "0.02", "--output", str(output)]
    try:
        main(["benchmark", "--gates", "--bundles", str(tiny_bundles), *options])
        code = 0
    except SystemExit as exit_:
        code = exit_.code
    found = json.loads(output.read_text())
    names = [gate["name"] for gate in found["gates"]]
    for picture in ("PNG 32 x 32", "JPEG 500 x 375"):
        assert sum(name.startswith(f"{picture}: ") for name in names) == 4
    assert sum(name.startswith("large: ") for name in names) == 2
    assert sum(name.startswith("ready, ") for name in names) == 2
    assert "memory, classify and explain loaded" in names
    assert all(gate["measured"] > 0 for gate in found["gates"] if " - " not in gate["name"])
    assert all(line["errors"] == {} for line in found["lines"])
    assert code == (0 if found["is_met"] else 3)
    assert "| gate " in capsys.readouterr().out
