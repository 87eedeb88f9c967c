"""The CPUs that a process may use, from made-up control groups."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.budget import CpuBudget, cpu_budget

CPUS = len(os.sched_getaffinity(0))


def tree(root: Path, files: dict[str, str], own: str = "/") -> CpuBudget:
    """Write a control group tree and ask for the budget of a process in `own`."""
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    process = root / "process"
    process.write_text(f"12:cpu:/x\n0::{own}\n")
    return cpu_budget(root, process)


def test_without_control_groups_the_affinity_or_the_machine_decides(tmp_path) -> None:
    budget = cpu_budget(tmp_path / "none", tmp_path / "neither")
    assert budget.cpus == CPUS
    assert budget.source in ("machine", "affinity")


@pytest.mark.parametrize(
    ("quota", "cpus"), [("100000 100000", 1), ("50000 100000", 1), ("1 100000", 1)]
)
def test_a_quota_is_rounded_up_to_whole_cpus(tmp_path, quota, cpus) -> None:
    budget = tree(tmp_path, {"cpu.max": f"{quota}\n"})
    assert budget == CpuBudget(cpus, str(tmp_path / "cpu.max"))


def test_a_quota_of_one_and_a_half_gives_two(tmp_path) -> None:
    assert tree(tmp_path, {"cpu.max": "150000 100000\n"}).cpus == min(2, CPUS)


def test_max_is_no_limit(tmp_path) -> None:
    assert tree(tmp_path, {"cpu.max": "max 100000\n"}).source in ("machine", "affinity")


def test_a_quota_above_the_machine_is_no_limit(tmp_path) -> None:
    assert tree(tmp_path, {"cpu.max": "99900000 100000\n"}).cpus == CPUS


@pytest.mark.parametrize("tightest", ["cpu.max", "pod/cpu.max", "pod/container/cpu.max"])
def test_the_smallest_quota_of_all_levels_counts(tmp_path, tightest) -> None:
    files = dict.fromkeys(["cpu.max", "pod/cpu.max", "pod/container/cpu.max"], "max 100000")
    budget = tree(tmp_path, {**files, tightest: "80000 100000"}, own="/pod/container")
    assert budget == CpuBudget(1, str(tmp_path / tightest))


def test_a_quota_of_another_group_does_not_count(tmp_path) -> None:
    budget = tree(tmp_path, {"other/cpu.max": "10000 100000"}, own="/pod")
    assert budget.source in ("machine", "affinity")


def test_a_version_1_quota_counts(tmp_path) -> None:
    files = {"cpu/cpu.cfs_quota_us": "70000\n", "cpu/cpu.cfs_period_us": "100000\n"}
    assert tree(tmp_path, files) == CpuBudget(1, str(tmp_path / "cpu/cpu.cfs_quota_us"))


def test_a_version_1_quota_of_minus_one_is_none(tmp_path) -> None:
    files = {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}
    assert tree(tmp_path, files).source in ("machine", "affinity")


@pytest.mark.parametrize("content", ["", "nonsense", "1", "a b", "-5 100000"])
def test_a_quota_that_cannot_be_read_is_none(tmp_path, content) -> None:
    assert tree(tmp_path, {"cpu.max": content}).source in ("machine", "affinity")


def test_the_affinity_of_the_process_counts(tmp_path) -> None:
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
        "from service.budget import cpu_budget; print(cpu_budget().cpus)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "1\n"
