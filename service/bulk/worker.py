"""A process that makes rows of one batch after the other, and reads the next one meanwhile."""

from __future__ import annotations

import signal
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection

from service.bulk.classifier import Classifier
from service.bulk.job import Job
from service.bulk.reader import Picture, Reader
from service.bulk.rows import packed
from service.bulk.shard import Batch
from service.errors import InferenceFailed, VitrineError

Answer = bytes | VitrineError


class Worker:
    """Answers the batches that come through a pipe, in their order, until it is closed.

    Invariant: one batch is computed while at most one other is read or waits.
    """

    def __init__(self, pipe: Connection, job: Job) -> None:
        self._pipe = pipe
        self._job = job

    def run(self) -> None:
        """Send rows for each batch, or the error that ends all of it."""
        with ThreadPoolExecutor(1) as thread:  # it ends with the other end of the pipe
            try:
                self._answer_all(thread)
            except VitrineError as error:
                self._pipe.send(error)
            except Exception as error:
                traceback.print_exc()
                self._pipe.send(InferenceFailed(f"a worker process failed: {error!r}"))

    def _answer_all(self, thread: ThreadPoolExecutor) -> None:
        classifier = Classifier(self._job)
        reader = Reader(self._job.limits.max_bytes)
        coming = thread.submit(self._take, reader)
        while (taken := coming.result()) is not None:
            coming = thread.submit(self._take, reader)
            batch, pictures = taken
            self._pipe.send(packed(classifier.rows(batch.names(), pictures)))

    def _take(self, reader: Reader) -> tuple[Batch, list[Picture]] | None:
        try:
            batch = self._pipe.recv()
        except (EOFError, ConnectionError):  # the command ended, or was killed
            return None
        return batch, reader.read(batch)


def work(pipe: Connection, job: Job) -> None:
    """Be a worker process; an interrupt from the terminal is the command's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(ConnectionError):  # the command ended while rows were under way
        Worker(pipe, job).run()
