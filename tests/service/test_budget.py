"""The CPUs that a process may use, from made-up control groups."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.budget import CpuBudget, CpuLimit, cpu_budget, cpu_limits, threads_of_a_worker

CPUS = len(os.sched_getaffinity(0))


def tree(root: Path, files: dict[str, str], own: str = "/", version_1: str = "/x") -> CpuBudget:
    """Write a control group tree and ask for the budget of a process in `own`."""
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    process = root / "process"
    process.write_text(f"12:cpuacct,cpu:{version_1}\n0::{own}\n")
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


@pytest.mark.parametrize("tightest", ["", "pod/", "pod/container/"])
def test_the_smallest_version_1_quota_of_all_levels_counts(tmp_path, tightest) -> None:
    period = {f"cpu/{level}cpu.cfs_period_us": "100000" for level in ("", "pod/", "pod/container/")}
    quota = {f"cpu/{tightest}cpu.cfs_quota_us": "80000"}
    budget = tree(tmp_path, {**period, **quota}, version_1="/pod/container")
    assert budget == CpuBudget(1, str(tmp_path / f"cpu/{tightest}cpu.cfs_quota_us"))


def test_every_limit_is_listed_and_not_only_the_one_that_decides(tmp_path) -> None:
    tree(tmp_path, {"cpu.max": "400000 100000", "pod/cpu.max": "50000 100000"}, own="/pod")
    found = cpu_limits(tmp_path, tmp_path / "process")
    assert CpuLimit(CPUS, "affinity") in found
    assert CpuLimit(4.0, str(tmp_path / "cpu.max")) in found
    assert CpuLimit(0.5, str(tmp_path / "pod/cpu.max")) in found


@pytest.mark.parametrize(
    ("threads", "workers", "cpus", "of_each"),
    [(0, 1, 4, 4), (0, 2, 5, 2), (0, 9, 4, 1), (3, 2, 4, 3)],
)
def test_workers_share_the_cpus_unless_threads_are_asked_for(
    threads, workers, cpus, of_each
) -> None:
    assert threads_of_a_worker(threads, workers, cpus) == of_each


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
