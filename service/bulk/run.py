"""One run: lists the pictures, skips the shards that are there, and writes the others."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice

import pyarrow as pa
import pyarrow.parquet as parquet

from service.bulk.job import Job
from service.bulk.manifest import Document, settle
from service.bulk.output import Output
from service.bulk.progress import Progress, duration
from service.bulk.rows import metadata_of
from service.bulk.shard import Batch, Plan
from service.bundle import Bundle

Compute = Callable[[Iterable[Batch]], Iterator[pa.RecordBatch]]


@dataclass(frozen=True)
class Summary:
    """What a run did."""

    pictures: int
    failed: int
    shards: int
    skipped: int
    seconds: float
    output: str

    def __str__(self) -> str:
        rate = self.pictures / self.seconds if self.seconds else 0
        failed = f", {self.failed:,} of them with an error" if self.failed else ""
        skipped = f"; {self.skipped:,} more were there already" if self.skipped else ""
        return (
            f"{self.pictures:,} pictures in {duration(self.seconds)} ({rate:,.1f}/s){failed}: "
            f"{self.shards:,} shards in {self.output}{skipped}"
        )


def run(plan: Plan, output: Output, job: Job, bundle: Bundle, compute: Compute) -> Summary:
    """Write every shard that is not there yet, in order.

    `compute` gives the rows of batches in the order of the batches. Raises what it raises, and
    InvalidParameter where OUTPUT was begun otherwise.
    """
    settle(output, manifest_of(plan, job, bundle))
    there = output.names()
    shards = [shard for shard in range(plan.shards) if plan.name(shard) not in there]
    pictures = sum(map(plan.size, shards))
    skipped = plan.shards - len(shards)
    if skipped:
        sys.stderr.write(
            f"{skipped:,} of {plan.shards:,} shards are in {output.url} already: skipped\n"
        )
    progress = Progress(plan.pictures, plan.pictures - pictures)
    try:
        if shards:
            rows = compute(batch for shard in shards for batch in plan.batches(shard))
            for shard in shards:
                table = _table(islice(rows, plan.count(shard)), progress)
                output.write(plan.name(shard), _file(table, metadata_of(bundle, job.precision)))
    finally:
        progress.end()
    return Summary(pictures, progress.failed, len(shards), skipped, progress.seconds, output.url)


def manifest_of(plan: Plan, job: Job, bundle: Bundle) -> Document:
    """Say all that the rows depend on."""
    contract = bundle.contract
    return {
        "model": {"name": contract.name, "version": contract.version, "digest": bundle.digest},
        "options": {
            **asdict(job.told),
            "precision": job.precision,
            "shard_size": plan.shard_size,
            "batch_size": plan.batch_size,
            "max_image_bytes": job.limits.max_bytes,
            "max_image_pixels": job.limits.max_pixels,
        },
        "input": {"pictures": plan.pictures, "digest": plan.listing.digest},
    }


def _table(rows: Iterable[pa.RecordBatch], progress: Progress) -> pa.Table:
    batches = []
    for batch in rows:
        batches.append(batch)
        progress.add(batch.num_rows, batch.num_rows - batch.column("error").null_count)
    return pa.Table.from_batches(batches)


def _file(table: pa.Table, metadata: dict[bytes, bytes]) -> bytes:
    with pa.BufferOutputStream() as stream:
        parquet.write_table(table.replace_schema_metadata(metadata), stream)
        return bytes(stream.getvalue())
