"""What replicas under Ray Serve are told, what is refused, and who never loads Ray."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.errors import InvalidParameter
from service.ray_settings import RaySettings, read_settings
from service.settings import Settings
from tests.service.live import command

TABLE = (Path(__file__).parents[2] / "docs/ray.md").read_text()


def test_arguments_are_text_or_numbers_and_win_over_variables(monkeypatch) -> None:
    monkeypatch.setenv("VITRINE_MAX_REPLICAS", "7")
    monkeypatch.setenv("VITRINE_MAX_QUEUE", "33")
    settings = read_settings({"replica_cpus": "2", "max_queue": 32})
    assert (settings.max_replicas, settings.replica_cpus, settings.max_queue) == (7, 2, 32)


@pytest.mark.parametrize(("cpus", "target"), [(0.5, 4), (1, 4), (4, 10)])
def test_a_replica_is_busy_when_every_place_has_a_request_and_the_next_at_hand(cpus, target):
    assert read_settings({"replica_cpus": cpus}).target == target


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"min_replicas": 5, "max_replicas": 2}, ["min_replicas 5", "max_replicas 2", "raise"]),
        ({"workers": 3}, ["workers is 3", "max_replicas"]),
        ({"threads": 4, "replica_cpus": 2}, ["threads 4", "replica_cpus 2", "raise"]),
        ({"target_ongoing_requests": 65}, ["target_ongoing_requests 65", "max_queue 64", "lower"]),
        ({"max_queue": 3}, ["target_ongoing_requests 4", "max_queue 3"]),
        ({"provider": "cuda"}, ["replica_gpus is 0", "set replica_gpus"]),
        ({"max_replica": 3}, ["max_replica", "not permitted", "'3'"]),
        ({"max_replicas": "many"}, ["max_replicas", "integer", "'many'"]),
        ({"replica_cpus": 0}, ["replica_cpus", "greater than 0"]),
        ({"workers": 2, "min_replicas": 9}, ["workers is 2", "min_replicas 9"]),
    ],
)
def test_what_contradicts_is_refused_with_all_that_is_wrong(arguments, words) -> None:
    with pytest.raises(InvalidParameter) as refused:
        read_settings({key: str(value) for key, value in arguments.items()})
    for word in words:
        assert word in refused.value.detail


def test_every_setting_of_replicas_has_its_row_in_the_document() -> None:
    own = RaySettings.model_fields.keys() - Settings.model_fields.keys()
    assert len(own) > 5
    for name in own:
        assert f"| `{name}` |" in TABLE
        assert RaySettings.model_fields[name].description


def test_importing_the_application_and_the_command_never_imports_ray() -> None:
    code = (
        "import sys, service.app, service.cli, service.server, service.worker, service.supervisor;"
        "print('ray' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (ended.stdout, ended.stderr) == ("False\n", "")


def test_a_running_service_has_no_part_of_ray_in_its_memory(tiny_bundles: Path) -> None:
    with command(tiny_bundles) as running:
        assert "_raylet" not in Path(f"/proc/{running.process.pid}/maps").read_text()


def test_ray_is_told_to_report_nothing_unless_somebody_wants_it() -> None:
    code = "import os, service; print(os.environ['RAY_USAGE_STATS_ENABLED'])"
    for given, told in ({}, "0"), ({"RAY_USAGE_STATS_ENABLED": "1"}, "1"):
        environment = {
            name: value for name, value in os.environ.items() if name != "RAY_USAGE_STATS_ENABLED"
        }
        said = subprocess.run(
            [sys.executable, "-c", code], env=environment | given, capture_output=True, text=True
        )
        assert said.stdout == f"{told}\n"
