"""What the routes of KServe's first protocol ask and answer, as OpenAPI describes it."""

from __future__ import annotations

from pydantic import BaseModel, Field, field_validator

from service.explain_schemas import ExplainMapsResult, ExplainResult
from service.explanation.question import ExplainOptions
from service.schemas import ClassifyOptions, ClassifyResult, FailedResult, VersionChoice


class PredictParameters(VersionChoice, ClassifyOptions):
    """The query of `:predict`, or `parameters` in its body."""


class ExplainInstancesParameters(VersionChoice, ExplainOptions):
    """The query of `:explain`, or `parameters` in its body."""

    @field_validator("target", mode="before")
    @classmethod
    def _listed(cls, target: object) -> object:  # JSON has numbers, and a single one needs no list
        several = target if isinstance(target, list) else [target]
        return [str(one) if isinstance(one, int) else one for one in several]

    @field_validator("versus", mode="before")
    @classmethod
    def _named(cls, versus: object) -> object:
        return str(versus) if isinstance(versus, int) else versus


class ModelList(BaseModel):
    """The names of the models served."""

    models: list[str]


class ModelStatus(BaseModel):
    """Whether a model answers."""

    name: str
    ready: bool


class Predictions(BaseModel):
    """One result for each instance, in their order; a bad picture has its error in its place."""

    predictions: list[ClassifyResult | FailedResult] = Field(description="One for each instance")


class Explanations(BaseModel):
    """One map for each instance, in their order; a bad picture has its error in its place."""

    explanations: list[ExplainResult | ExplainMapsResult | FailedResult] = Field(
        description="One for each instance"
    )
