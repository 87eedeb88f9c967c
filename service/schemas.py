"""What requests ask and what answers say, as OpenAPI describes it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.drawing import Drawing
from service.methods import MethodName
from service.question import ExplainOptions
from service.record import Faithfulness


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


class ModelChoice(BaseModel):
    """Which of the models served answers."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    model: str | None = Field(default=None, description="Model; the default model if left out")
    version: str | None = Field(default=None, description="Version; the latest if left out")


class ClassifyParameters(ModelChoice):
    """The query of `POST /classify`."""

    top_k: Annotated[int, Field(ge=1)] = Field(
        default=5, description="How many classes to name, best first; at most all there are"
    )
    embedding: bool = Field(default=False, description="Add the readout, the model's own features")


class ExplainParameters(ModelChoice, ExplainOptions, Drawing):
    """The query of `POST /explain`: which model, what is asked, and how it is drawn."""

    format: Literal["json", "png", "npy"] | None = Field(
        default=None, description="Overrides the Accept header"
    )


class ModelIdentity(BaseModel):
    """Which model answered."""

    name: str = Field(examples=["cifar10"])
    version: str = Field(examples=["1"])
    digest: str = Field(description="Names these very weights, graphs and rules")


class PredictionItem(BaseModel):
    """A class and its probability."""

    label: str = Field(examples=["cat"])
    index: int = Field(examples=[3])
    probability: float = Field(ge=0, le=1, examples=[0.93])


class ImageItem(BaseModel):
    """The picture as it was decoded; width and height are upright, in pixels."""

    format: str = Field(examples=["JPEG"])
    width: int
    height: int
    orientation_applied: bool = Field(description="Whether EXIF said to turn the picture")


class Timing(BaseModel):
    """Where the time went, in milliseconds."""

    decode: float
    queue: float
    inference: float
    total: float


class ClassifyResult(BaseModel):
    """The classes of one picture."""

    predictions: list[PredictionItem]
    image: ImageItem
    embedding: list[float] | None = Field(
        default=None, description="The readout, one number a feature, where asked for"
    )


class FailedResult(BaseModel):
    """One picture of several that could not be answered; the others are."""

    error: Problem


class ClassifyAnswer(ClassifyResult):
    """The answer for one picture."""

    model_config = ConfigDict(protected_namespaces=())

    model: ModelIdentity
    timing_ms: Timing


class ClassifyAnswers(BaseModel):
    """The answer for several pictures, in their order."""

    model_config = ConfigDict(protected_namespaces=())

    model: ModelIdentity
    results: list[ClassifyResult | FailedResult]
    timing_ms: Timing


class TargetItem(BaseModel):
    """The class that is explained."""

    label: str
    index: int
    probability: float
    logit: float
    source: Literal["predicted", "requested"]


class MethodUsed(BaseModel):
    """How the map was made, with every parameter as it was used."""

    name: MethodName
    class_specific: bool
    parameters: dict[str, Any]


class Grid(BaseModel):
    """Where the scores lie; the box is (left, top, right, bottom) in the picture's pixels."""

    rows: int
    columns: int
    crop_box: tuple[float, float, float, float]


class ScaleItem(BaseModel):
    """The scores at the two ends of the colour map."""

    min: float
    max: float
    signed: bool = Field(description="Whether scores below 0 speak against the class")


class OrderItem(BaseModel):
    """What one order of removing patches does to the class's probability."""

    curve: list[float] = Field(description="The probability at each share of patches removed")
    area: float = Field(description="The area under the curve")
    comprehensiveness: float = Field(description="Its fall without the first 10 % of the order")
    sufficiency: float = Field(description="Its fall with the first 10 % of the order alone")


class FaithfulnessItem(BaseModel):
    """How true a map is to the model on this picture.

    `insertion` is the area under the curve as patches come in, the most relevant first: the curve
    of the least relevant first read from its end. `deletion` is that of the most relevant first.
    """

    removal: str = Field(description="How patches were removed")
    steps: int
    removed: list[float] = Field(description="The shares of patches removed that curves stand at")
    most_relevant_first: OrderItem
    least_relevant_first: OrderItem
    random: OrderItem = Field(description="The control: the mean of random orders")
    random_orders: int
    delta: float = Field(description="Area of the least relevant first minus the most: above 0")
    insertion: float
    deletion: float
    comprehensiveness: float
    sufficiency: float


class MapItem(BaseModel):
    """The map of one class."""

    target: TargetItem
    scores: list[list[float]] = Field(description="One score a patch, row by row from the top left")
    scale: ScaleItem
    warnings: list[str] = Field(
        description=(
            "What to mind: constant_map, high_norm_tokens, low_confidence, class_agnostic_method, "
            "target_not_predicted"
        )
    )
    completeness_error: float | None = Field(
        default=None,
        description="integrated_gradients: sum of the scores minus the difference of the logits",
    )
    faithfulness: FaithfulnessItem | None = None


class ExplainedPicture(BaseModel):
    """What all maps of a picture share."""

    method: MethodUsed
    removal: str | None = Field(description="How patches were removed, where any were")
    grid: Grid
    predictions: list[PredictionItem]
    image: ImageItem


class ExplainResult(MapItem, ExplainedPicture):
    """One picture with one map."""


class ExplainMapsResult(ExplainedPicture):
    """One picture with a map for each of several targets."""

    maps: list[MapItem]


class Answered(BaseModel):
    """Who answered, and where the time went."""

    model_config = ConfigDict(protected_namespaces=())

    model: ModelIdentity
    timing_ms: Timing


class ExplainAnswer(ExplainResult, Answered):
    """The answer for one picture and one target."""


class ExplainMapsAnswer(ExplainMapsResult, Answered):
    """The answer for one picture and several targets."""


class ExplainAnswers(Answered):
    """The answer for several pictures, in their order."""

    results: list[ExplainResult | ExplainMapsResult | FailedResult]


class MethodItem(BaseModel):
    """A method that `POST /explain` offers, and how faithful it is for this model."""

    name: MethodName
    summary: str
    definition: str
    source: str
    class_specific: bool
    signed: bool
    cost: str
    parameters: list[str]
    is_default: bool
    faithfulness: Faithfulness | None = Field(
        description="Measured by 'vitrine-model evaluate --explanations'; null where it was not"
    )
    measured_on: str | None = Field(description="On what, and how patches were removed")


class ModelItem(BaseModel):
    """A model served."""

    model_config = ConfigDict(protected_namespaces=())

    name: str
    version: str
    digest: str
    provider: str
    is_default: bool
    is_explainable: bool
    labels: list[str]


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
