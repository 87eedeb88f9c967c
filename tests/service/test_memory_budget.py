"""The memory that a process may use, from made-up control groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.memory_budget import MemoryLimit, memory_limits

MIB = 2**20


def tree(root: Path, files: dict[str, object], own: str = "/pod") -> list[MemoryLimit]:
    """Write a control group tree and ask for the limits of a process in `own` of both versions."""
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{content}\n")
    (root / "process").write_text(f"4:memory:{own}\n0::{own}\n")
    (root / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:    2048 kB\n")
    return memory_limits(root, root / "process", root / "meminfo")


def test_without_control_groups_the_machine_decides(tmp_path) -> None:
    (limit,) = tree(tmp_path, {})
    assert limit.source == "machine"
    assert limit.limit_bytes > 64 * MIB
    assert limit.available_bytes == 2 * MIB


def test_every_level_that_limits_is_named_with_what_is_left_of_it(tmp_path) -> None:
    files = {
        "memory.max": 900 * MIB,
        "memory.current": 500 * MIB,
        "pod/memory.max": 100 * MIB,
        "pod/memory.current": 80 * MIB,
    }
    assert tree(tmp_path, files)[1:] == [
        MemoryLimit(100 * MIB, 20 * MIB, str(tmp_path / "pod/memory.max")),
        MemoryLimit(900 * MIB, 400 * MIB, str(tmp_path / "memory.max")),
    ]


def test_cached_files_that_nobody_reads_count_as_left(tmp_path) -> None:
    files = {
        "pod/memory.max": 100 * MIB,
        "pod/memory.current": 80 * MIB,
        "pod/memory.stat": f"anon 7\ninactive_file {30 * MIB}\nactive_file 9",
    }
    assert tree(tmp_path, files)[1].available_bytes == 50 * MIB


def test_a_version_1_limit_counts(tmp_path) -> None:
    files = {
        "memory/pod/memory.limit_in_bytes": 64 * MIB,
        "memory/pod/memory.usage_in_bytes": 60 * MIB,
        "memory/pod/memory.stat": f"inactive_file 1\ntotal_inactive_file {10 * MIB}",
    }
    source = str(tmp_path / "memory/pod/memory.limit_in_bytes")
    assert tree(tmp_path, files)[1:] == [MemoryLimit(64 * MIB, 14 * MIB, source)]


@pytest.mark.parametrize(
    "files",
    [
        {"pod/memory.max": "max"},
        {"pod/memory.max": "nonsense"},
        {"memory/pod/memory.limit_in_bytes": 9223372036854771712},  # as version 1 writes "none"
        {"other/memory.max": 1},
    ],
)
def test_what_is_no_limit_of_this_process_does_not_count(tmp_path, files) -> None:
    assert [limit.source for limit in tree(tmp_path, files)] == ["machine"]
