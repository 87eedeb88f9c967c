"""Makes the rows of many batches on one machine, with a process for each of its cores."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

import pyarrow as pa

from service.bulk.classifier import Classifier
from service.bulk.job import Job
from service.bulk.reader import Reader
from service.bulk.rows import unpacked
from service.bulk.shard import Batch
from service.bulk.worker import Answer, work
from service.errors import InferenceFailed, VitrineError

HELD_BY_A_WORKER = 2  # one is computed while the other is read
AHEAD = 8  # batches for each worker that may be begun while the oldest is not done


def rows_here(job: Job, batches: Iterable[Batch]) -> Iterator[pa.RecordBatch]:
    """Give the rows of each batch, computed in this process."""
    classifier, reader = Classifier(job), Reader(job.limits.max_bytes)
    for batch in batches:
        yield classifier.rows(batch.names(), reader.read(batch))


def rows_of_workers(job: Job, batches: Iterable[Batch], workers: int) -> Iterator[pa.RecordBatch]:
    """Give the rows of each batch, in order, computed by `workers` processes.

    Raises what a worker raises, and InferenceFailed where one was killed.
    """
    with crew(job, workers) as pipes:
        for answer in Exchange(pipes).answers(batches):
            yield unpacked(answer)


@contextmanager
def crew(job: Job, workers: int) -> Iterator[list[Connection]]:
    """Start worker processes and give a pipe to each; they end when the block does."""
    spawning = multiprocessing.get_context("spawn")  # onnxruntime does not survive a fork
    pipes: list[Connection] = []
    processes: list[BaseProcess] = []
    try:
        for _ in range(workers):
            mine, theirs = spawning.Pipe()
            process: BaseProcess = spawning.Process(target=work, args=(theirs, job), daemon=True)
            process.start()
            theirs.close()
            pipes.append(mine)
            processes.append(process)
        yield pipes
    finally:
        for pipe in pipes:
            pipe.close()
        for process in processes:
            process.join()


class Exchange:
    """Batches that are out with workers, and answers that wait for those before them.

    Invariant: no more than AHEAD batches for each worker are out or wait, so that what is held in
    memory is bounded however long one of them takes.
    """

    def __init__(self, pipes: list[Connection]) -> None:
        self._held: dict[Connection, deque[int]] = {pipe: deque() for pipe in pipes}
        self._answers: dict[int, bytes] = {}
        self._given = self._told = 0

    def answers(self, batches: Iterable[Batch]) -> Iterator[bytes]:
        """Hand out batches, and give the answers in the order of the batches."""
        coming = iter(batches)
        self._give(coming)
        while busy := [pipe for pipe, numbers in self._held.items() if numbers]:
            for pipe in wait(busy):
                assert isinstance(pipe, Connection)
                self._answers[self._held[pipe].popleft()] = _received(pipe)
            self._give(coming)
            while self._told in self._answers:
                yield self._answers.pop(self._told)
                self._told += 1
                self._give(coming)

    def _give(self, coming: Iterator[Batch]) -> None:
        for _ in range(HELD_BY_A_WORKER):
            for pipe, numbers in self._held.items():
                is_full = self._given - self._told >= AHEAD * len(self._held)
                if is_full or len(numbers) >= HELD_BY_A_WORKER:
                    continue
                if (batch := next(coming, None)) is None:
                    return
                _send(pipe, batch)
                numbers.append(self._given)
                self._given += 1


def _send(pipe: Connection, batch: Batch) -> None:
    try:
        pipe.send(batch)
    except BrokenPipeError:
        _received(pipe)  # it may have said why it ended
        raise _ended() from None


def _received(pipe: Connection) -> bytes:
    try:
        answer: Answer = pipe.recv()
    except (EOFError, ConnectionResetError):
        raise _ended() from None
    if isinstance(answer, VitrineError):
        raise answer
    return answer


def _ended() -> InferenceFailed:
    return InferenceFailed(
        "a worker process ended before it was done; its output above says why. Where it was killed "
        "for memory, the same command with fewer --workers goes on from the last shard"
    )
