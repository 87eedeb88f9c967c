"""The real command, the pictures that it is given, and the rows that it wrote."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet

from tests.service.live import PATIENCE_SECONDS, VITRINE
from tests.service.pictures import draw, encode, write_png

ONE_PROCESS = ("--workers", "1")


def arguments(bundles: Path, *given: object) -> list[str]:
    """Give the command line of `vitrine bulk`."""
    return [str(VITRINE), "bulk", *map(str, given), "--bundles", str(bundles)]


@dataclass(frozen=True)
class Bulk:
    """`vitrine bulk` with a bundle."""

    bundles: Path

    def __call__(self, *given: object, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return subprocess.run(
            arguments(self.bundles, *given),
            capture_output=True,
            text=True,
            timeout=4 * PATIENCE_SECONDS,
            env=os.environ | variables,
        )

    def rows(self, *given: object) -> pa.Table:
        """Run it in one process, which must succeed, and read what it wrote."""
        ended = self(*given, *ONE_PROCESS)
        assert ended.returncode == 0, ended.stderr
        paths = [one for one in given if not str(one).startswith("--")]
        return parquet.read_table(Path(str(paths[-1])))

    def start(self, *given: object) -> subprocess.Popen[str]:
        """Start it."""
        return subprocess.Popen(
            arguments(self.bundles, *given),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def blocked(package: str, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run the command where a package cannot be imported."""
    code = (
        f"import sys; sys.modules[{package!r}] = None; "
        f"from service.cli import main; main({command[1:]!r})"
    )
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )


def draw_folder(folder: Path, count: int = 6) -> list[Path]:
    """Draw pictures into a folder of folders, and give their paths in order."""
    paths = []
    for index in range(count):
        inside = folder / f"{index % 2}"
        inside.mkdir(parents=True, exist_ok=True)
        paths.append(write_png(inside / f"{index}.png", seed=index))
    return sorted(paths)


def draw_archive(path: Path, count: int) -> Path:
    """Pack pictures: a few, again and again, since drawing takes longest."""
    drawn = [encode(draw(seed=seed)) for seed in range(8)]
    with zipfile.ZipFile(path, "w") as archive:
        for index in range(count):
            archive.writestr(f"{index:05d}.png", drawn[index % len(drawn)])
    return path


def shards(output: Path) -> list[str]:
    """Name the shards that are there."""
    return sorted(path.name for path in output.glob("shard-*.parquet"))


def contents(output: Path) -> dict[str, bytes]:
    """Give every shard's bytes."""
    return {name: (output / name).read_bytes() for name in shards(output)}


def wait_until(happened: Callable[[], object], seconds: float = 4 * PATIENCE_SECONDS) -> None:
    """Wait for what another process does."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.01)


def descendants(process: int) -> list[int]:
    """Give the processes that a process started, and those that they started."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = status.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        children.setdefault(int(after_name[1]), []).append(int(status.parent.name))
    found = list(children.get(process, []))
    for one in found:
        found += children.get(one, [])
    return found


def is_running(process: int) -> bool:
    """Say whether a process is there, and not merely waits to be taken note of."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
