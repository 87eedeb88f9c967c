"""A run that was stopped goes on; one that asks for something else is refused."""

from __future__ import annotations

import json
import os
import signal

import pytest

from tests.service.bulk.commands import (
    ONE_PROCESS,
    Bulk,
    contents,
    descendants,
    draw_folder,
    is_running,
    shards,
    wait_until,
)

SMALL = ("--shard-size=8", "--batch-size=4")


@pytest.fixture(scope="module")
def undisturbed(bulk, archive, tmp_path_factory):
    """What a run that nobody disturbs writes."""
    output = tmp_path_factory.mktemp("undisturbed") / "rows"
    assert bulk(archive, output, *SMALL, *ONE_PROCESS).returncode == 0
    return contents(output)


def stopped(bulk, archive, output, kill):
    """Start a run, let it write a shard, and kill it or one of its processes."""
    process = bulk.start(archive, output, *SMALL, "--workers=2")
    wait_until(lambda: shards(output) or process.poll() is not None)
    started = descendants(process.pid)
    kill(process, started)
    _, errors = process.communicate()
    wait_until(lambda: not any(map(is_running, started)))
    return process.returncode, errors


def test_a_killed_run_goes_on_with_equal_rows(bulk, archive, tmp_path, undisturbed) -> None:
    code, _ = stopped(bulk, archive, tmp_path, lambda process, _: process.kill())
    finished = contents(tmp_path)
    assert code == -signal.SIGKILL
    assert 0 < len(finished) < len(undisturbed)
    ended = bulk(archive, tmp_path, *SMALL)
    assert ended.returncode == 0
    assert f"{len(finished)} of {len(undisturbed)} shards are in {tmp_path} already" in ended.stderr
    assert contents(tmp_path) == undisturbed
    assert not list(tmp_path.glob(".*"))


def test_a_run_that_loses_a_worker_ends_with_an_error_and_goes_on(
    bulk, archive, tmp_path, undisturbed
) -> None:
    code, errors = stopped(
        bulk, archive, tmp_path, lambda _, started: os.kill(started[-1], signal.SIGKILL)
    )
    assert code == 70
    assert "a worker process ended before it was done" in errors
    assert bulk(archive, tmp_path, *SMALL).returncode == 0
    assert contents(tmp_path) == undisturbed


def test_a_finished_run_computes_nothing_again(bulk, pictures, tmp_path) -> None:
    bulk.rows(pictures, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("shard-*")}
    ended = bulk(pictures, tmp_path)
    assert ended.stdout.startswith("0 pictures")
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("shard-*")} == before


def test_other_options_are_refused_with_the_differences(bulk, pictures, tmp_path) -> None:
    bulk.rows(pictures, tmp_path)
    ended = bulk(pictures, tmp_path, "--top-k=2", "--relevance")
    assert ended.returncode == 64
    assert "options.relevance was False and is now True" in ended.stderr
    assert "options.top_k was 5 and is now 2" in ended.stderr


def test_another_input_is_refused(bulk, tmp_path) -> None:
    draw_folder(tmp_path / "pictures", 2)
    bulk.rows(tmp_path / "pictures", tmp_path / "rows")
    draw_folder(tmp_path / "pictures", 3)
    ended = bulk(tmp_path / "pictures", tmp_path / "rows")
    assert "input.pictures was 2 and is now 3" in ended.stderr


def test_another_model_is_refused(bulk, pictures, tmp_path, copy_bundle) -> None:
    bulk.rows(pictures, tmp_path / "rows")
    ended = Bulk(copy_bundle(version="2"))(pictures, tmp_path / "rows")
    assert "model.version was 1 and is now 2" in ended.stderr


def test_a_folder_of_another_program_is_refused(bulk, pictures, tmp_path) -> None:
    (tmp_path / "shard-000000.parquet").write_bytes(b"")
    ended = bulk(pictures, tmp_path)
    assert ended.returncode == 65
    assert "holds shard-000000.parquet and no _manifest.json" in ended.stderr


def test_what_was_begun_without_a_shard_may_be_begun_otherwise(bulk, pictures, tmp_path) -> None:
    bulk.rows(pictures, tmp_path)
    (tmp_path / "shard-000000.parquet").unlink()
    bulk.rows(pictures, tmp_path, "--top-k=2")
    assert json.loads((tmp_path / "_manifest.json").read_text())["options"]["top_k"] == 2


def test_two_runs_do_not_write_to_one_folder_at_once(bulk, archive, tmp_path) -> None:
    process = bulk.start(archive, tmp_path, *SMALL, *ONE_PROCESS)
    wait_until(lambda: shards(tmp_path))
    process.send_signal(signal.SIGSTOP)
    ended = bulk(archive, tmp_path, *SMALL)
    process.kill()
    process.communicate()
    assert ended.returncode == 65
    assert f"another run writes to {tmp_path} at this moment" in ended.stderr
