"""Everything an operator can set: each field is a flag of `vitrine serve` and a variable.

`--max-batch-size 8` and `VITRINE_MAX_BATCH_SIZE=8` are the same; the flag wins.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from service.origins import checked_origins
from service.precision import PrecisionSetting
from service.session import Provider


def _split_at_commas(value: object) -> object:
    if not isinstance(value, str):
        return value
    return [part.strip() for part in value.split(",") if part.strip()]


Origins = Annotated[
    tuple[str, ...], NoDecode, BeforeValidator(_split_at_commas), AfterValidator(checked_origins)
]
BatchSizeList = Annotated[
    tuple[Annotated[int, Field(ge=1)], ...], NoDecode, BeforeValidator(_split_at_commas)
]
EMBEDDED_BUNDLES = Path(__file__).parent / "bundles"


class Settings(BaseSettings):
    """Serve models over HTTP."""

    model_config = SettingsConfigDict(env_prefix="VITRINE_", frozen=True, extra="forbid")

    host: str = Field(default="127.0.0.1", description="Address to listen on")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 picks one")
    bundles: Path = Field(
        default=EMBEDDED_BUNDLES,
        description="Folder of bundles, NAME/VERSION/contract.json; the embedded model by default",
    )
    default_model: str = Field(
        default="", description="Model that answers when a request names none; the first by default"
    )
    watch_seconds: float = Field(
        default=0,
        ge=0,
        description="How often to look for changed bundles, and reload them; 0 never",
    )
    provider: Provider = Field(
        default="auto", description="Where to compute: auto, cpu or cuda; cuda refuses to fall back"
    )
    precision: PrecisionSetting = Field(
        default="fp32",
        description="Number format that classifies: fp32, int8, fp16, or auto, the fastest here",
    )
    workers: int = Field(
        default=1, ge=1, description="Processes that serve, each with the models in its memory"
    )
    threads: int = Field(
        default=0,
        ge=0,
        description="CPU threads for one model in each worker; 0 divides the CPUs by the workers",
    )
    max_batch_size: int = Field(default=8, ge=1, description="Images run together at most")
    batch_sizes: BatchSizeList = Field(
        default=(),
        description="Batch sizes to run, separated by commas, in place of those up to the largest",
    )
    max_queue: int = Field(
        default=64, ge=1, description="Images under way at once; more are refused with 503"
    )
    max_queue_bytes: int = Field(
        default=256 * 1024 * 1024,
        ge=1,
        description="Bytes of request bodies held at once; more are refused with 503",
    )
    max_passes: int = Field(
        default=1024,
        ge=1,
        description="Passes of thorough explanations that may wait, up to 64 of each request",
    )
    max_request_passes: int = Field(
        default=8192, ge=1, description="Passes that one request for explanations may take"
    )
    max_trace_bytes: int = Field(
        default=16 * 1024 * 1024, ge=1, description="Largest trace, in bytes of its tensors"
    )
    deadline_seconds: float = Field(
        default=30, gt=0, description="Longest that a request may take before 504"
    )
    max_body_bytes: int = Field(
        default=64 * 1024 * 1024, ge=1, description="Largest request body, in bytes"
    )
    max_image_bytes: int = Field(
        default=20 * 1024 * 1024, ge=1, description="Largest encoded image, in bytes"
    )
    max_image_pixels: int = Field(
        default=50_000_000, ge=1, description="Largest image, in pixels, checked before decoding"
    )
    max_images: int = Field(default=64, ge=1, description="Images in one request at most")
    cache_bytes: int = Field(
        default=0, ge=0, description="Bytes of results to remember in each worker; 0 is no cache"
    )
    api_keys_file: Path | None = Field(
        default=None, description="File of API keys that `vitrine key` makes; open to all without"
    )
    rate_limit: int = Field(
        default=0,
        ge=0,
        description="Requests a minute for each key, or each address without keys; 0 is no limit",
    )
    rate_burst: int = Field(
        default=20, ge=1, description="Requests at once that the rate limit lets through"
    )
    cors_origins: Origins = Field(
        default=(),
        description="Origins whose pages may call the API, separated by commas, or *; none",
    )
    body_seconds: float = Field(
        default=20, gt=0, description="Longest that a request's body may take to come before 408"
    )
    header_seconds: float = Field(
        default=10, gt=0, description="Longest that a request's headers may take to come"
    )
    write_seconds: float = Field(
        default=30, gt=0, description="Longest that a caller may take for 64 KiB of its answer"
    )
    keep_alive_seconds: int = Field(
        default=75,  # more than the 60 s of common load balancers, which must be first to close:
        ge=1,  # a connection that the service closes as they reuse it is a 502 to the caller
        description="How long an idle connection stays open; longer than the load balancer's",
    )
    max_connections: int = Field(
        default=1024, ge=1, description="Connections at once; on others only probes are answered"
    )
    drain_seconds: int = Field(
        default=30, ge=0, description="How long accepted requests may finish after SIGTERM"
    )
    drain_delay_seconds: float = Field(
        default=0,
        ge=0,
        description="How long requests are still accepted after SIGTERM, while readiness is 503",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least important log line that is written"
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="How log lines are written: text, or json, one object a line"
    )
    access_log: bool = Field(
        default=False, description="Write a log line for every request, without its content"
    )
