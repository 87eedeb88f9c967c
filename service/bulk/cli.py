"""The command `vitrine bulk`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field, field_validator
from pydantic_settings import CliPositionalArg

from service.decoding import ImageLimits
from service.errors import InvalidParameter
from service.extra import need
from service.record import PrecisionName
from service.session import PROVIDER_NAMES, Provider
from service.settings import EMBEDDED_BUNDLES

if TYPE_CHECKING:
    import pyarrow as pa

    from service.bulk.job import Job
    from service.bulk.shard import Batch
    from service.bulk.source import Listing

WORKERS_OF_A_GPU = 4  # decode and feed it at most, where --workers says nothing


class Bulk(BaseModel):
    """Classify a great many pictures into Parquet. The same command goes on after a stop."""

    paths: CliPositionalArg[list[str]] = Field(
        description="INPUT [INPUT ...] OUTPUT: folders, globs, zip archives or Parquet files of "
        "pictures, and the folder to fill; paths or URLs"
    )
    bundles: Path = Field(
        default=EMBEDDED_BUNDLES, description="Bundle, or folder of bundles; the embedded model"
    )
    image_column: str = Field(
        default="", description="Parquet column of encoded pictures; found by default"
    )
    top_k: int = Field(default=5, ge=1, description="How many classes to name")
    embedding: bool = Field(default=False, description="Add the readout of each picture")
    relevance: bool = Field(
        default=False, description="Add the map of the predicted class, by method relevance"
    )
    engine: Literal["local", "ray"] = Field(
        default="local", description="Processes of this machine, or actors of Ray"
    )
    workers: int = Field(
        default=0, ge=0, description="Processes or actors; as many as fit the CPUs by default"
    )
    threads: int = Field(
        default=0, ge=0, description="CPU threads of each; 0 divides the CPUs by the workers"
    )
    batch_size: int = Field(default=32, ge=1, description="Pictures run together")
    shard_size: int = Field(default=8192, ge=1, description="Rows in a file of OUTPUT")
    provider: Provider = Field(
        default="auto", description="Where to compute: auto, cpu or cuda; cuda refuses to fall back"
    )
    precision: PrecisionName = Field(default="fp32", description="Number format that classifies")
    max_image_bytes: int = Field(
        default=ImageLimits.max_bytes, ge=1, description="Largest encoded image, in bytes"
    )
    max_image_pixels: int = Field(
        default=ImageLimits.max_pixels, ge=1, description="Largest image, in pixels"
    )

    @field_validator("paths")
    @classmethod
    def check_paths(cls, paths: list[str]) -> list[str]:
        """Refuse a command without OUTPUT."""
        if len(paths) < 2:
            raise ValueError("give INPUT and OUTPUT, in this order")
        return paths

    @property
    def output(self) -> str:
        """The folder to fill."""
        return self.paths[-1]

    def cli_cmd(self) -> None:
        """Write shards; say on standard error how far it is, and at the end what was done."""
        need("bulk", "pyarrow", "fsspec")
        if self.engine == "ray":
            from service.bulk.ray_engine import need_ray

            need_ray()
        from service.bulk.output import Output
        from service.bulk.run import run
        from service.bulk.shard import Plan
        from service.bulk.source import list_pictures
        from service.bundle import read_bundle
        from service.bundle_folder import find_bundles

        bundle = read_bundle(find_bundles(self.bundles)[0])
        job = self._job(bundle.folder.absolute(), bundle.digest)
        job.check(bundle)
        listing = list_pictures(self.paths[:-1], self.image_column, self.output)
        if listing.passed_over:
            sys.stderr.write(f"{listing.passed_over:,} files are no pictures by name: left out\n")
        if listing.is_of_this_process and self.engine == "ray":
            raise InvalidParameter("engine: memory:// is of one process; take --engine local")
        plan = Plan(listing, self.shard_size, self.batch_size)
        output = Output(self.output)
        with output.alone():
            print(run(plan, output, job, bundle, partial(self._compute, job, listing)))

    def _job(self, folder: Path, digest: str) -> Job:
        from service.budget import cpu_budget, threads_of_a_worker
        from service.bulk.job import Job, Told

        cpus = cpu_budget().cpus
        workers = cpus if self.engine == "ray" else self.workers or cpus
        return Job(
            bundle=folder,
            digest=digest,
            told=Told(self.top_k, self.embedding, self.relevance),
            provider=self.provider,
            precision=self.precision,
            threads=threads_of_a_worker(self.threads, workers, cpus),
            limits=ImageLimits(self.max_image_bytes, self.max_image_pixels),
        )

    def _compute(
        self, job: Job, listing: Listing, batches: Iterable[Batch]
    ) -> Iterator[pa.RecordBatch]:
        if self.engine == "ray":
            from service.bulk.ray_engine import rows_of_ray

            return rows_of_ray(job, batches, self.workers)
        from service.bulk.local_engine import rows_here, rows_of_workers

        workers = self.workers or default_workers(job.provider, job.threads)
        if workers == 1 or listing.is_of_this_process:
            return rows_here(job, batches)
        return rows_of_workers(job, batches, workers)


def default_workers(provider: Provider, threads: int) -> int:
    """Give as many processes as fit the CPUs; of a GPU few."""
    import onnxruntime

    from service.budget import cpu_budget

    fitting = max(1, cpu_budget().cpus // threads)
    has_gpu = PROVIDER_NAMES["cuda"] in onnxruntime.get_available_providers()
    return min(fitting, WORKERS_OF_A_GPU) if has_gpu and provider != "cpu" else fitting
