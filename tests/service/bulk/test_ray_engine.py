"""The same rows by actors of Ray, and again when one of them is killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.service.bulk.commands import Bulk, contents, descendants, shards, wait_until

pytest.importorskip("ray.data", reason="the extra ray is not installed")

OPTIONS = ("--shard-size=100", "--batch-size=4", "--threads=1", "--embedding", "--relevance")


@pytest.fixture(scope="module")
def local_rows(bulk, archive, tmp_path_factory) -> dict[str, bytes]:
    output = tmp_path_factory.mktemp("local")
    assert bulk(archive, output, *OPTIONS, "--workers=1").returncode == 0
    return contents(output)


def actors(process: int) -> list[int]:
    """Find the processes of a run's actors."""
    return [
        one
        for one in descendants(process)
        if Path(f"/proc/{one}/cmdline").read_bytes().startswith(b"ray::MapWorker")
    ]


def test_ray_gives_the_same_files_when_an_actor_is_killed_on_the_way(
    bulk, archive, tmp_path, local_rows
) -> None:
    process = bulk.start(archive, tmp_path, *OPTIONS, "--workers=2", "--engine=ray")
    wait_until(lambda: shards(tmp_path) or process.poll() is not None)
    found = actors(process.pid)
    assert len(found) == 2, process.communicate()
    assert len(shards(tmp_path)) < len(local_rows)
    os.kill(found[0], signal.SIGKILL)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert contents(tmp_path) == local_rows


def test_what_an_actor_raises_ends_the_command_with_its_message(
    pictures, tmp_path, copy_bundle
) -> None:
    spoilt = Bulk(copy_bundle(files={"golden.npz": b"no archive"}))
    ended = spoilt(pictures, tmp_path / "rows", "--engine=ray", "--workers=1")
    assert ended.returncode == 78
    assert "golden.npz cannot be replayed" in ended.stderr
