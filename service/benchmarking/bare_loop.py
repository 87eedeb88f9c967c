"""The same work without a server, as a script would do it: one picture after another.

There are two references. As many processes as CPUs with a thread each show the throughput that the
machine has to give; one process with all CPUs in one inference shows the shortest latency.
"""

from __future__ import annotations

import io
import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from PIL import Image

from service.benchmarking.sample import Sample, side_by_side
from service.benchmarking.workload import Work
from service.bundle import Bundle, read_bundle
from service.crop import crop_box
from service.decoding import ImageLimits
from service.engine import Engine
from service.errors import InferenceFailed
from service.explanation.inquiry import Inquiry, answer
from service.explanation.passes import run_passes
from service.explanation.question import Question, ask
from service.other_programs import OtherPrograms
from service.precision import choose_precision
from service.preprocess import INTERPOLATIONS, pixel_values, preprocess
from service.settings import Settings

LIMITS = ImageLimits()


class BareLoops:
    """Processes that do the same work at the same time, without a server.

    Invariant: each has an engine of its own, opened with the same number of threads.
    """

    def __init__(self, pipes: list[Connection]) -> None:
        self._pipes = pipes

    def measure(self, work: Work, image: bytes, seconds: float) -> Sample:
        """Do work on a picture for some seconds. Raises InferenceFailed when a process ended."""
        for pipe in self._pipes:
            pipe.send((work, image, seconds))
        try:
            return side_by_side([pipe.recv() for pipe in self._pipes])
        except EOFError:
            raise InferenceFailed(
                "a bare loop ended before it was done; its output above says why"
            ) from None


@contextmanager
def bare_loops(folder: Path, *, processes: int, threads: int) -> Iterator[BareLoops]:
    """Open a bundle in processes of their own, with so many threads each, until the block ends."""
    spawning = multiprocessing.get_context("spawn")
    with ExitStack() as ends:
        pipes = []
        for _ in range(processes):
            mine, theirs = spawning.Pipe()
            process = spawning.Process(target=_loop, args=(theirs, folder, threads), daemon=True)
            process.start()
            theirs.close()
            ends.callback(process.join)
            pipes.append(mine)
        for pipe in pipes:
            ends.callback(pipe.close)
        yield BareLoops(pipes)


def _loop(pipe: Connection, folder: Path, threads: int) -> None:
    engine = open_engine(read_bundle(folder), threads)
    while True:
        try:
            work, image, seconds = pipe.recv()
        except EOFError:  # nobody asks any longer
            return
        pipe.send(repeat(bare_work(engine, work, image), seconds))


def open_engine(bundle: Bundle, threads: int) -> Engine:
    """Open a bundle's engine as the service does."""
    settings = Settings()
    others = None if settings.precision == "auto" else OtherPrograms.beside(threads)
    engine, _ = choose_precision(
        settings.precision,
        lambda name: Engine(bundle, threads=threads, precision=name, others=others),
        settings.max_batch_size,
    )
    return engine


def bare_work(engine: Engine, work: Work, image: bytes) -> Callable[[], None]:
    """Give what is done again and again: from a picture's bytes to classes or to a map."""
    contract = engine.bundle.contract
    if work.is_plain:
        return partial(_classify_plainly, engine, image)
    if work.options is None:
        return partial(_classify, engine, image)
    return partial(_explain, engine, ask(contract, work.options), image)


def _classify(engine: Engine, image: bytes) -> None:
    contract = engine.bundle.contract
    engine.classify(preprocess(image, contract.preprocessing, LIMITS)[1][None])


def _classify_plainly(engine: Engine, image: bytes) -> None:
    """Decode all pixels with Pillow, then resize: what most scripts do."""
    preprocessing = engine.bundle.contract.preprocessing
    with Image.open(io.BytesIO(image)) as opened:
        rgb = opened.convert("RGB")
    rows, columns = preprocessing.crop
    box = crop_box(rgb.width, rgb.height, preprocessing)
    fitted = rgb.resize((columns, rows), INTERPOLATIONS[preprocessing.interpolation], box=box)
    engine.classify(pixel_values(fitted, preprocessing)[None])


def _explain(engine: Engine, question: Question, image: bytes) -> None:
    contract = engine.bundle.contract
    run = partial(run_passes, engine, max_batch_size=Settings().max_batch_size)
    _, values = preprocess(image, contract.preprocessing, LIMITS)
    answer(Inquiry(values, question, contract), run)


def repeat(work: Callable[[], None], seconds: float) -> Sample:
    """Do work again and again for `seconds`, and time each go."""
    latencies: list[float] = []
    started = before = time.perf_counter()
    while before - started < seconds or not latencies:
        work()
        after = time.perf_counter()
        latencies.append(after - before)
        before = after
    return Sample(tuple(latencies), before - started)
