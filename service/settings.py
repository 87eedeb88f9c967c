"""Everything an operator can set: each field is a flag of `vitrine serve` and a variable.

`--max-batch-size 8` and `VITRINE_MAX_BATCH_SIZE=8` are the same; the flag wins.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.engine import Provider
from service.precision import PrecisionSetting

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
    provider: Provider = Field(
        default="auto", description="Where to compute: auto, cpu or cuda; cuda refuses to fall back"
    )
    precision: PrecisionSetting = Field(
        default="fp32",
        description="Number format that classifies: fp32, int8, fp16, or auto, the fastest here",
    )
    threads: int = Field(
        default=0, ge=0, description="CPU threads for one model; 0 takes the CPUs this process has"
    )
    max_batch_size: int = Field(default=8, ge=1, description="Images run together at most")
    max_queue: int = Field(
        default=256, ge=1, description="Images that may wait; more are refused with 503"
    )
    max_passes: int = Field(
        default=1024,
        ge=1,
        description="Passes of thorough explanations that may wait, up to 64 of each request",
    )
    max_request_passes: int = Field(
        default=8192, ge=1, description="Passes that one request for explanations may take"
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
    drain_seconds: int = Field(
        default=30, ge=0, description="How long accepted requests may finish after SIGTERM"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least important log line that is written"
    )
