"""Makes the rows of many batches with actors of Ray Data, on one machine or many."""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Iterable, Iterator

import pyarrow as pa

from service.bulk.classifier import Classifier
from service.bulk.job import Job
from service.bulk.reader import Reader
from service.bulk.rows import packed, unpacked
from service.bulk.shard import Batch
from service.errors import InferenceFailed, VitrineError
from service.extra import need

ANSWER = ("rows", "error")
MOST_BLOCKS = 10_000  # a block is what is done again where an actor was lost


class Actor:
    """A classifier in one of Ray's processes.

    What ends all of it comes back as an answer, since of an exception Ray keeps the text alone.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._classifier: Classifier | None = None
        self._reader = Reader(job.limits.max_bytes)

    def __call__(self, table: pa.Table) -> pa.Table:
        """Take pickled batches and give packed rows, or pickled errors."""
        answers = [self._answer(data) for data in table["batch"].to_pylist()]
        rows, errors = zip(*answers, strict=True)
        return pa.table(
            {"rows": pa.array(rows, pa.binary()), "error": pa.array(errors, pa.binary())}
        )

    def _answer(self, data: bytes) -> tuple[bytes | None, bytes | None]:
        batch: Batch = pickle.loads(data)  # noqa: S301 - the command's own
        try:
            self._classifier = self._classifier or Classifier(self._job)
            pictures = self._reader.read(batch)
            return packed(self._classifier.rows(batch.names(), pictures)), None
        except VitrineError as error:
            return None, pickle.dumps(error)


def need_ray() -> None:
    """Import Ray, quiet, and with nothing told to anybody. Raises PackageMissing."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # it warns of what Ray Data takes care
    need("ray", "ray", "ray.data", "pandas")


def rows_of_ray(job: Job, batches: Iterable[Batch], workers: int) -> Iterator[pa.RecordBatch]:
    """Give the rows of each batch, in order, computed by `workers` actors; 0 fills the cluster.

    The cluster is that of RAY_ADDRESS, or one that is started here and ends with this. A lost actor
    is replaced, and what it had not answered is done again.

    Raises what an actor raises, and InferenceFailed where Ray gives up.
    """
    import ray
    from ray.exceptions import RayError

    given = [{"batch": pickle.dumps(batch)} for batch in batches]
    try:
        _connect()
        cpus = int(ray.cluster_resources().get("CPU", 1))  # type: ignore[no-untyped-call]
        data = ray.data.from_items(given, override_num_blocks=min(len(given), MOST_BLOCKS))
        answered = data.map_batches(
            Actor,
            fn_constructor_args=(job,),
            batch_size=None,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(size=workers or max(1, cpus // job.threads)),
            num_cpus=job.threads,
            num_gpus=1 if job.provider == "cuda" else 0,
        )
        for answer in answered.iter_rows():
            if answer["error"] is not None:
                raise pickle.loads(answer["error"])  # noqa: S301 - an actor's own
            yield unpacked(answer["rows"])
    except (RayError, ConnectionError) as error:
        raise InferenceFailed(
            f"Ray gave up: {str(error).strip().splitlines()[-1]}; the same command goes on from "
            "the last shard"
        ) from error
    finally:
        ray.shutdown()


def _connect() -> None:
    """Enter a cluster, and keep Ray Data to the order of the batches and to saying little.

    Raises InferenceFailed.
    """
    import ray

    try:
        ray.init(
            address=os.environ.get("RAY_ADDRESS") or "local",
            logging_level=logging.WARNING,
            log_to_driver=False,
            include_dashboard=False,
        )
    except Exception as error:  # Ray raises of many kinds, bare ones too
        raise InferenceFailed(
            f"Ray cannot be entered: {str(error).strip().rstrip('.')}; check RAY_ADDRESS, or the "
            "load of this machine, and run the same command again"
        ) from error
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
