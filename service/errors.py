"""Everything that can go wrong, as one tree.

VitrineError
├── InvalidInput            400  the request cannot be read
├── Unauthorized            401  no key, or a key that is not known
├── Forbidden               403  a key that may not do this
├── ModelNotFound           404  no such model or version is served
├── RequestTimeout          408  the body came too slowly
├── NotExplainable          409  the model's bundle has no graphs of explanations
├── NotTraceable            409  the model's bundle has no graph of traces
├── NothingToRollBackTo     409  the model has no version before the one that answers
├── PayloadTooLarge         413  more bytes or pixels than the limit
├── UnsupportedMediaType    415  not one of the picture formats accepted
├── UnreadableImage         422  a picture that is broken
├── InvalidParameter        422  a parameter whose value does not exist or does not fit
├── RateLimited             429  more requests than the key may make
├── CallerGone              499  the caller left; nobody reads the answer
├── InferenceFailed         500  the engine failed, or gave numbers that are not finite
├── Overloaded              503  the queue is full; comes with Retry-After
├── ModelNotReady           503  the model is loading or draining; comes with Retry-After
├── DeadlineExceeded        504  the answer would have come too late
├── ContractError            -   a bundle is broken or untrue: start-up stops
│   └── BundlesRefused      422  the same at a reload: what was served goes on
├── PackageMissing           -   a package that is needed is not installed
└── ProviderError            -   the hardware asked for is not what the engine uses: start-up stops

`problems.py` alone turns these into HTTP; the command line prints title and detail and exits with
`exit_code`, which follows sysexits.h.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class ErrorDetail:
    """One thing that is wrong, and where: `pointer` is a JSON Pointer (RFC 6901) or a name."""

    pointer: str
    detail: str

    def __str__(self) -> str:
        return f"{self.pointer}: {self.detail}"


class VitrineError(Exception):
    """Something the caller can be told: what was expected, what came, and the remedy."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "error"
    title: ClassVar[str] = "Error"
    exit_code: ClassVar[int] = 70

    def __init__(self, detail: str, errors: Sequence[ErrorDetail] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)


class RetryableError(VitrineError):
    """An error that passes by itself: the same request may succeed after `retry_after_seconds`."""

    exit_code = 75

    def __init__(self, detail: str, retry_after_seconds: float = 1.0) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class InvalidInput(VitrineError):
    """The request cannot be read."""

    status, slug, title, exit_code = 400, "invalid-input", "Invalid input", 65


class Unauthorized(VitrineError):
    """The key is missing or unknown."""

    status, slug, title, exit_code = 401, "unauthorized", "Unauthorized", 77


class Forbidden(VitrineError):
    """The key may not do this."""

    status, slug, title, exit_code = 403, "forbidden", "Forbidden", 77


class ModelNotFound(VitrineError):
    """No such model or version is served."""

    status, slug, title, exit_code = 404, "model-not-found", "Model not found", 66


class RequestTimeout(VitrineError):
    """The body did not come in time."""

    status, slug, title, exit_code = 408, "request-timeout", "Request timeout", 75


class NotExplainable(VitrineError):
    """The model's bundle has no graphs of explanations."""

    status, slug, title, exit_code = 409, "not-explainable", "Model cannot be explained", 69


class NotTraceable(VitrineError):
    """The model's bundle has no graph of traces."""

    status, slug, title, exit_code = 409, "not-traceable", "Model cannot be traced", 69


class NothingToRollBackTo(VitrineError):
    """The model has no version before the one that answers."""

    status, slug, title = 409, "nothing-to-roll-back-to", "Nothing to roll back to"


class PayloadTooLarge(VitrineError):
    """There are more bytes or pixels than the limit."""

    status, slug, title, exit_code = 413, "payload-too-large", "Payload too large", 65


class UnsupportedMediaType(VitrineError):
    """The content is not one of the picture formats accepted."""

    status, slug, title, exit_code = 415, "unsupported-media-type", "Unsupported media type", 65


class UnreadableImage(VitrineError):
    """The picture is broken."""

    status, slug, title, exit_code = 422, "unreadable-image", "Unreadable image", 65


class InvalidParameter(VitrineError):
    """A parameter has a value that does not exist or does not fit."""

    status, slug, title, exit_code = 422, "invalid-parameter", "Invalid parameter", 64


class RateLimited(RetryableError):
    """The key has made more requests than it may."""

    status, slug, title = 429, "rate-limited", "Rate limited"


class CallerGone(VitrineError):
    """The caller left before the answer."""

    status, slug, title = 499, "caller-gone", "Caller gone"


class InferenceFailed(VitrineError):
    """The engine failed, or gave numbers that are not finite."""

    status, slug, title, exit_code = 500, "inference-failed", "Inference failed", 70


class Overloaded(RetryableError):
    """The queue is full."""

    status, slug, title = 503, "overloaded", "Overloaded"


class ModelNotReady(RetryableError):
    """The model is loading or draining."""

    status, slug, title = 503, "model-not-ready", "Model not ready"


class DeadlineExceeded(VitrineError):
    """The answer would have come after the caller's deadline."""

    status, slug, title, exit_code = 504, "deadline-exceeded", "Deadline exceeded", 75


class ContractError(VitrineError):
    """A bundle is broken, or does not give the numbers it was exported with."""

    slug, title, exit_code = "contract-error", "Broken bundle", 78


class BundlesRefused(ContractError):
    """The bundles in the folder cannot be served; what was served before goes on."""

    status = 422


class PackageMissing(VitrineError):
    """A package that is needed is not installed."""

    slug, title, exit_code = "package-missing", "Package missing", 69


class ProviderError(VitrineError):
    """The hardware asked for is not what the engine uses."""

    slug, title, exit_code = "provider-error", "Provider not available", 69
