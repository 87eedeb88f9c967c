"""What requests about explanations ask and what their answers say, as OpenAPI describes it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.drawing.options import Drawing
from service.explanation.methods import MethodName
from service.explanation.question import ExplainOptions
from service.record import Faithfulness
from service.schemas import (
    FailedResult,
    ImageItem,
    ModelChoice,
    ModelIdentity,
    PredictionItem,
    Timing,
)


class ExplainParameters(ModelChoice, ExplainOptions, Drawing):
    """The query of `POST /explain`: which model, what is asked, and how it is drawn."""

    format: Literal["json", "png", "npy"] | None = Field(
        default=None, description="Overrides the Accept header"
    )


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
