"""What is on record of a model: where it comes from, and what was measured of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.explanation.methods import MethodName

PrecisionName = Literal["fp32", "int8", "fp16"]


class Value(BaseModel):
    """A frozen value that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Precision(Value):
    """A graph's number format and the accuracy measured through it."""

    file: str
    top1: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None, description="Share of test images whose class was predicted"
    )
    images: Annotated[int, Field(ge=0)] = Field(default=0, description="Test images measured on")
    agreement: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None, description="Share of those images for which fp32 predicts the same class"
    )
    logit_difference: Annotated[float, Field(ge=0)] | None = Field(
        default=None, description="Largest difference from a logit of fp32 seen on any image"
    )


class TaughtBy(Value):
    """The classifier that a training followed beside the pictures' labels."""

    name: str
    digest: str = Field(description="sha256 of its weights")
    distillation: Literal["soft", "hard"] = Field(description="Its probabilities, or its decision")
    weight: float = Field(description="Share of the loss that came from it")
    token: bool = Field(description="Whether a distillation token followed it")


class Origin(Value):
    """The public model that a model was made from."""

    source: str = Field(description="Its name on the Hugging Face Hub, or that of its folder")
    weights: str = Field(description="The names of the files of its weights")
    digest: str = Field(description="sha256 of these files")
    architecture: str = Field(default="", description="What its library calls it")
    licence: str = Field(default="", description="As its card tells")


class TunedFrom(Value):
    """The model that a training started from; `origin` where that was a public one."""

    name: str
    version: str = ""
    digest: str = Field(description="Digest of its contract, or of its weights")
    head: Literal["kept", "new"] = Field(description="kept where the labels are the same")
    trained: Literal["all", "head"] = Field(description="head where all else stayed as it was")
    origin: Origin | None = None


class Merging(Value):
    """How a model merges patches into fewer tokens on the way, which makes it faster.

    Its tokens stand for several patches, so it has no explanations; the model it was made of has.
    """

    tokens: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        description="Tokens that each block merges away, from the first on"
    )
    model: str = Field(description="Name of the model that it was made of")
    version: str = Field(description="Version of the model that it was made of")
    part: str = Field(default="", description="Part of the data that both were compared on")
    images: Annotated[int, Field(ge=0)] = Field(default=0, description="Images compared on")
    top1_without: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None, description="Share of them whose class is predicted without merging"
    )
    agreement: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None, description="Share of them for which both predict the same class"
    )

    @property
    def why_unexplained(self) -> str:
        """Say why such a model has no explanations, and which model has."""
        share = self.agreement
        alike = (
            "" if share is None else f", which predicts the same for {share:.1%} of the pictures"
        )
        return (
            "merges patches on the way, so it does not tell what each of them does; ask model "
            f"{self.model}, version {self.version}, that it was made of{alike}"
        )


class Provenance(Value):
    """Where the model comes from."""

    dataset: str
    recipe: str
    command: str
    seed: int | None = Field(description="Of the training; none where the source does not tell")
    commit: str = ""
    epochs: float = 0
    images_seen: int = 0
    wall_seconds: float = 0
    machine: str = ""
    tuned_from: TunedFrom | None = Field(default=None, description="None: trained from scratch")
    best_epoch: float | None = Field(
        default=None, description="Epoch of the weights: the best one by validation"
    )
    taught_by: TaughtBy | None = Field(default=None, description="None: by the labels alone")
    metrics: dict[str, Any] = Field(default_factory=dict, description="What evaluation measured")
    history: tuple[dict[str, float], ...] = Field(
        default=(), description="Training curves, one row an epoch"
    )
    origin: Origin | None = Field(
        default=None, description="The public model that it was made from, if it was"
    )


class Interval(Value):
    """A mean over images with its 95 % interval by bootstrap."""

    mean: float
    low: float
    high: float


class Faithfulness(Value):
    """How true a method's maps are to the model, on average over images.

    Probabilities are of the predicted class. `delta` is the area under its curve when the least
    relevant patches go first minus that when the most relevant go first; `margin_over_random` is
    that minus the delta of a random order on the same image. `comprehensiveness` and `sufficiency`
    are the falls when the 10 % most relevant patches are taken away, and when they alone are left.
    """

    delta: Interval
    margin_over_random: Interval
    insertion: float
    deletion: float
    comprehensiveness: float
    sufficiency: float
    randomized_weights: float | None = Field(
        default=None,
        description="Rank correlation with the map of the same model with its weights shuffled",
    )
    another_class: float | None = Field(
        default=None, description="Rank correlation with the map of the second most probable class"
    )


class Explanations(Value):
    """What `vitrine-model evaluate --explanations` measured; the default method follows from it."""

    part: str
    images: int
    removal: str = Field(description="How patches were removed")
    steps: int = Field(description="Points on each curve")
    seed: int
    default_method: MethodName
    methods: dict[MethodName, Faithfulness]
    references: dict[str, Faithfulness] = Field(
        description="What is not served, but compared with: a random order, torch's own gradients"
    )
