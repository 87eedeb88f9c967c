"""What `vitrine bulk` says of itself, and what it needs."""

from __future__ import annotations

import io

import pytest

from service.bulk.progress import LINE_SECONDS, Progress, duration
from tests.service.bulk.commands import ONE_PROCESS, arguments, blocked


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("package", "options", "extra"),
    [("pyarrow", [], "bulk"), ("fsspec", [], "bulk"), ("ray", ["--engine", "ray"], "ray")],
)
def test_a_missing_package_is_told_with_its_extra(
    bulk, pictures, tmp_path, package: str, options: list[str], extra: str
) -> None:
    command = arguments(bulk.bundles, pictures, tmp_path / "rows", *options)
    ended = blocked(package, command)
    assert ended.returncode == 69
    told = f"{package} is not installed; run pip install 'vitrine[{extra}]'\n"
    assert ended.stderr == f"vitrine: Package missing: {told}"
    assert not (tmp_path / "rows").exists()


def test_without_a_terminal_a_short_run_says_only_what_it_did(bulk, pictures, tmp_path) -> None:
    ended = bulk(pictures, tmp_path / "rows", *ONE_PROCESS)
    assert ended.stderr == ""
    assert ended.stdout.startswith("6 pictures in 0:")
    assert f"1 shards in {tmp_path}/rows" in ended.stdout


def test_a_command_without_output_is_refused(bulk, pictures) -> None:
    ended = bulk(pictures)
    assert ended.returncode == 64
    assert "paths: give INPUT and OUTPUT, in this order" in ended.stderr


def test_a_precision_that_the_bundle_has_not_is_refused(bulk, pictures, tmp_path) -> None:
    ended = bulk(pictures, tmp_path / "rows", "--precision=int8")
    assert ended.returncode == 78
    assert "has no int8 graph" in ended.stderr
    assert not (tmp_path / "rows").exists()


def test_a_terminal_shows_how_far_it_is_how_fast_and_what_is_left() -> None:
    stream = Terminal()
    progress = Progress(total=1000, skipped=200, stream=stream)
    progress._started -= 10
    progress._said -= 10
    progress.add(400, failed=3)
    assert stream.getvalue() == (
        "\r\x1b[K600 of 1,000 pictures (60%), 40/s, 0:10 left, 3 with an error"
    )
    progress.end()
    assert stream.getvalue().endswith("\r\x1b[K")


def test_elsewhere_a_line_comes_now_and_then() -> None:
    stream = io.StringIO()
    progress = Progress(total=1000, skipped=0, stream=stream)
    progress.add(1, failed=0)
    assert stream.getvalue() == ""
    progress._said -= LINE_SECONDS
    progress.add(1, failed=0)
    assert stream.getvalue().startswith("2 of 1,000 pictures (0%), ")
    assert stream.getvalue().count("\n") == 1


def test_a_time_reads_as_on_a_clock() -> None:
    assert [duration(seconds) for seconds in (5, 754, 3723)] == ["0:05", "12:34", "1:02:03"]
