"""Measures `vitrine bulk` against the bare loop: python -m tests.service.bulk.throughput ZIP...

One command classifies all pictures of the archives. Every few seconds it is stopped (SIGSTOP) while
bare loops do the same work without Parquet, and goes on after them: as many processes as CPUs, with
one thread and their own part of the pictures in memory each, in turns one picture at a time and in
batches of the same size. The command's time counts from its start to its end, without its stops;
the bare loops' begins when their models are open.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from service.benchmarking.bare_loop import LIMITS, open_engine
from service.benchmarking.machine import this_machine
from service.budget import cpu_budget
from service.bundle import read_bundle
from service.preprocess import preprocess
from service.settings import EMBEDDED_BUNDLES
from tests.service.live import VITRINE

BUNDLE = EMBEDDED_BUNDLES / "cifar10" / "1"
HELD = 2000  # pictures in a bare loop's memory, again and again


def loop(pipe: Connection, pictures: list[bytes]) -> None:
    """Classify for as long as asked, in batches as asked, and say how many in how long."""
    engine = open_engine(read_bundle(BUNDLE), threads=1)
    preprocessing = engine.bundle.contract.preprocessing
    coming = cycle(pictures)
    pipe.send("ready")
    while True:
        seconds, size = pipe.recv()
        done, started = 0, time.perf_counter()
        while time.perf_counter() - started < seconds:
            batch = [preprocess(next(coming), preprocessing, LIMITS)[1] for _ in range(size)]
            engine.classify(np.stack(batch))
            done += size
        pipe.send((done, time.perf_counter() - started))


@contextmanager
def loops(archives: list[Path], processes: int) -> Iterator[list[Connection]]:
    """Open bare loops, and wait until they are ready."""
    spawning = multiprocessing.get_context("spawn")
    with zipfile.ZipFile(archives[0]) as opened:
        names = [name for name in opened.namelist() if name.endswith(".png")]
        pictures = [opened.read(name) for name in names[: HELD * processes]]
    pipes, running = [], []
    for index in range(processes):
        mine, theirs = spawning.Pipe()
        part = pictures[index::processes]
        running.append(spawning.Process(target=loop, args=(theirs, part), daemon=True))
        running[-1].start()
        pipes.append(mine)
    try:
        for pipe in pipes:
            pipe.recv()
        yield pipes
    finally:
        for process in running:
            process.terminate()


def bare_rate(pipes: list[Connection], seconds: float, size: int) -> float:
    """Give the pictures a second of all loops together."""
    for pipe in pipes:
        pipe.send((seconds, size))
    return sum(done / took for done, took in [pipe.recv() for pipe in pipes])


def measure(archives: list[Path], seconds: float, batch_size: int, options: list[str]) -> None:
    cpus = cpu_budget().cpus
    total = 0
    for archive in archives:
        with zipfile.ZipFile(archive) as opened:
            total += sum(name.endswith(".png") for name in opened.namelist())
    bare: dict[int, list[float]] = {1: [], batch_size: []}
    running = 0.0
    with loops(archives, cpus) as pipes, tempfile.TemporaryDirectory() as folder:
        for size in bare:
            bare_rate(pipes, 1, size)  # to warm up
        command = [VITRINE, "bulk", *archives, f"{folder}/rows", "--batch-size", batch_size]
        process = subprocess.Popen([*map(str, command), *options], start_new_session=True)
        while process.poll() is None:
            started = time.perf_counter()
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGSTOP)
            running += time.perf_counter() - started
            if process.returncode is None:
                for size, rates in bare.items():
                    rates.append(bare_rate(pipes, seconds / 2, size))
                os.killpg(process.pid, signal.SIGCONT)
    assert process.returncode == 0
    rate = total / running
    lines = [
        str(this_machine(cpus)),
        f"vitrine bulk: {total:,} pictures in {running:.1f} s of its own, {rate:,.1f}/s",
    ]
    for size, rates in bare.items():
        median, low, high = float(np.median(rates)), min(rates), max(rates)
        lines.append(
            f"{cpus} bare loops, batches of {size}: {median:,.1f}/s ({low:,.1f} to {high:,.1f} in "
            f"{len(rates)} turns); vitrine bulk has {rate / median:.2f} of it"
        )
    sys.stdout.write("\n".join(lines) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archives", nargs="+", type=Path, help="zip archives of PNG")
    parser.add_argument("--seconds", type=float, default=10, help="of each turn")
    parser.add_argument("--batch-size", type=int, default=32)
    arguments, options = parser.parse_known_args()
    measure(arguments.archives, arguments.seconds, arguments.batch_size, options)


if __name__ == "__main__":
    main()
