"""A process that makes rows of one batch after the other, and reads the next one meanwhile."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection

from service.bulk.classifier import Classifier
from service.bulk.job import Job
from service.bulk.reader import Picture, Reader
from service.bulk.rows import packed
from service.bulk.shard import Batch
from service.errors import VitrineError

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
        try:
            self._answer_all()
        except VitrineError as error:
            self._pipe.send(error)

    def _answer_all(self) -> None:
        classifier = Classifier(self._job)
        reader = Reader(self._job.limits.max_bytes)
        with ThreadPoolExecutor(1) as thread:
            coming = thread.submit(self._take, reader)
            while (taken := coming.result()) is not None:
                coming = thread.submit(self._take, reader)
                batch, pictures = taken
                self._pipe.send(packed(classifier.rows(batch.names(), pictures)))

    def _take(self, reader: Reader) -> tuple[Batch, list[Picture]] | None:
        try:
            batch = self._pipe.recv()
        except EOFError:  # the command ended, or was killed
            return None
        return batch, reader.read(batch)


def work(pipe: Connection, job: Job) -> None:
    """Be a worker process; an interrupt from the terminal is the command's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        Worker(pipe, job).run()
    except BrokenPipeError:  # the command was killed while rows were under way
        return
