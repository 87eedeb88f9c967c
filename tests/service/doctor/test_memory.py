"""What the doctor says of memory and CPUs."""

from __future__ import annotations

import mmap
from pathlib import Path

import pytest

from service.doctor.footprint import Footprint, footprint
from service.doctor.memory import memory
from service.doctor.processors import processors
from service.memory_budget import MemoryLimit
from service.settings import Settings

MIB = 2**20
MEASURED = {"ready": Footprint(80 * MIB, 40 * MIB), "explaining": Footprint(140 * MIB, 40 * MIB)}
SMALL = {"max_queue_bytes": MIB, "max_body_bytes": MIB, "max_image_pixels": 1000}


def statuses(limit: int, available: int, **settings: object) -> list[str]:
    limits = [MemoryLimit(900 * MIB, 900 * MIB, "machine"), MemoryLimit(limit, available, "group")]
    return [
        check.status for check in memory(Settings(**{**SMALL, **settings}), 1, limits, MEASURED)
    ]


@pytest.mark.parametrize(
    ("limit", "available", "workers", "expected"),
    [
        (400, 300, 1, ["ok", "ok", "ok"]),
        (400, 300, 2, ["ok", "warning", "ok"]),  # 320 MiB: they fit, but not now
        (400, 400, 3, ["ok", "warning", "warning"]),
        (181, 181, 1, ["ok", "ok", "warning"]),  # not with a full queue
        (170, 170, 1, ["ok", "warning", "warning"]),
    ],
)
def test_workers_that_do_not_fit_the_memory_are_a_warning(
    limit, available, workers, expected
) -> None:
    assert statuses(limit * MIB, available * MIB, workers=workers) == expected


def test_pictures_that_are_decoded_at_once_count(tmp_path) -> None:
    assert statuses(400 * MIB, 400 * MIB, max_image_pixels=50_000_000)[-1] == "warning"


def test_files_that_workers_read_together_count_once() -> None:
    assert Footprint(10, 5).of_workers(3) == 35


def test_memory_without_a_measurement_is_a_warning() -> None:
    limits = [MemoryLimit(MIB, None, "machine")]
    assert [one.status for one in memory(Settings(), 1, limits, {})] == ["ok", "warning"]


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="asks Linux")
def test_the_measurement_tells_own_memory_from_files() -> None:
    before = footprint()
    # of the system itself: what malloc keeps for later depends on the tests before
    with mmap.mmap(-1, 64 * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as held:
        for at in range(0, len(held), mmap.PAGESIZE):
            held[at] = 1
        grown = footprint().own_bytes - before.own_bytes
    assert 60 * MIB < grown < 70 * MIB
    assert before.shared_bytes > MIB


def test_where_the_system_does_not_tell_the_peak_is_all_the_workers_own(tmp_path) -> None:
    found = footprint(tmp_path / "none")
    assert found.own_bytes > MIB
    assert found.shared_bytes == 0


def test_the_limit_that_decides_on_cpus_is_named_with_all_others(tmp_path) -> None:
    (tmp_path / "cpu.max").write_text("50000 100000")
    cpus, threads = processors(Settings(workers=2, threads=3), tmp_path, tmp_path / "none")
    assert cpus.facts["source"] == str(tmp_path / "cpu.max")
    assert {"source": "affinity", "cpus": cpus.facts["limits"][1]["cpus"]} in cpus.facts["limits"]
    assert f"{tmp_path / 'cpu.max'} 0.5" in cpus.found
    assert threads.status == "warning"
    assert "2 workers of 3 CPU threads each are 6 on 1 CPU" in threads.found
