"""What requests ask and what answers say, as OpenAPI describes it.

What is made for every answer is plain dataclasses: what we say ourselves needs no validation, which
would take longer than the rest of making it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.precision import ChosenBy
from service.record import PrecisionName


class ErrorItem(BaseModel):
    """One thing that is wrong, and where."""

    pointer: str = Field(description="JSON Pointer or name of the parameter")
    detail: str


class Problem(BaseModel):
    """An error, as RFC 9457 describes it."""

    type: str = Field(examples=["urn:vitrine:problem:unreadable-image"])
    title: str = Field(examples=["Unreadable image"])
    status: int = Field(examples=[422])
    detail: str = Field(
        examples=["the PNG picture of 640 x 480 pixels cannot be decoded: image file is truncated"]
    )
    instance: str = Field(description="The request's id, also in its X-Request-Id header")
    errors: list[ErrorItem] = Field(default_factory=list)


class VersionChoice(BaseModel):
    """Which version of a model answers."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    version: str | None = Field(default=None, description="Version; the latest if left out")


class ModelChoice(VersionChoice):
    """Which of the models served answers."""

    model: str | None = Field(default=None, description="Model; the default model if left out")


class ClassifyOptions(BaseModel):
    """What can be asked of a classification."""

    top_k: Annotated[int, Field(ge=1)] = Field(
        default=5, description="How many classes to name, best first; at most all there are"
    )
    embedding: bool = Field(default=False, description="Add the readout, the model's own features")


class ClassifyParameters(ModelChoice, ClassifyOptions):
    """The query of `POST /classify`."""


@dataclass(kw_only=True)
class ModelIdentity:
    """Which model answered."""

    name: Annotated[str, Field(examples=["cifar10"])]
    version: Annotated[str, Field(examples=["1"])]
    digest: Annotated[str, Field(description="Names these very weights, graphs and rules")]


@dataclass(kw_only=True)
class PredictionItem:
    """A class and its probability."""

    label: Annotated[str, Field(examples=["cat"])]
    index: Annotated[int, Field(examples=[3])]
    probability: Annotated[float, Field(ge=0, le=1, examples=[0.93])]


@dataclass(kw_only=True)
class ImageItem:
    """The picture as it was decoded; width and height are upright, in pixels."""

    format: Annotated[str, Field(examples=["JPEG"])]
    width: int
    height: int
    orientation_applied: Annotated[bool, Field(description="Whether EXIF said to turn the picture")]


@dataclass(kw_only=True)
class Timing:
    """Where the time went, in milliseconds."""

    decode: float
    queue: float
    inference: float
    total: float


@dataclass(kw_only=True)
class ClassifyResult:
    """The classes of one picture."""

    predictions: list[PredictionItem]
    image: ImageItem
    embedding: Annotated[
        list[float] | None, Field(description="The readout, one number a feature, where asked for")
    ] = None


class FailedResult(BaseModel):
    """One picture of several that could not be answered; the others are."""

    error: Problem


@dataclass(kw_only=True)
class ClassifyAnswer(ClassifyResult):
    """The answer for one picture."""

    model: ModelIdentity
    timing_ms: Timing


@dataclass(kw_only=True)
class ClassifyAnswers:
    """The answer for several pictures, in their order."""

    model: ModelIdentity
    results: list[ClassifyResult | FailedResult]
    timing_ms: Timing


class ModelItem(BaseModel):
    """A model served."""

    model_config = ConfigDict(protected_namespaces=())

    name: str
    version: str
    digest: str
    provider: str
    precision: PrecisionName = Field(description="Number format that classifies; maps are in fp32")
    precision_chosen_by: ChosenBy = Field(
        description="The setting; or auto, by measurement or because there is no other"
    )
    precision_speedup: float | None = Field(
        default=None, description="Measured at start: how many times as fast as fp32 the other is"
    )
    is_default: bool
    is_explainable: bool
    is_traceable: bool
    state: Literal["served", "withdrawn"] = Field(
        description="Withdrawn by a roll-back: it answers only requests that name its version"
    )
    labels: list[str]


class VersionItem(BaseModel):
    """A version of a model."""

    version: str = Field(examples=["2"])
    digest: str = Field(description="Names these very weights, graphs and rules")


class ReplacedItem(VersionItem):
    """A version of a model that is another than before."""

    previous_digest: str


class ReloadAnswer(BaseModel):
    """What a reload did to the versions of a model."""

    name: str = Field(examples=["cifar10"])
    added: list[VersionItem]
    replaced: list[ReplacedItem]
    retired: list[VersionItem]
    kept: list[VersionItem]
    latest: VersionItem | None = Field(
        description="Answers requests that name no version; null when the model is retired"
    )


class RollbackAnswer(BaseModel):
    """What a roll-back did."""

    name: str = Field(examples=["cifar10"])
    withdrawn: VersionItem = Field(description="Answers only requests that name its version now")
    latest: VersionItem = Field(description="Answers requests that name no version now")


class Readiness(BaseModel):
    """Whether requests are answered, and by what."""

    status: Literal["ready", "loading", "draining"]
    models: list[ModelItem] = Field(default_factory=list)
    fallback: bool = Field(
        default=False, description="Whether a GPU is there but the CPU computes instead"
    )


class Liveness(BaseModel):
    """Whether the process answers at all."""

    status: Literal["live"]
