"""What is asked of an explanation: its parameters, checked against the model."""

from __future__ import annotations

from dataclasses import dataclass, fields
from difflib import get_close_matches
from reprlib import repr as shorten
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, Field

from service.contract import Contract
from service.engine import Floats
from service.errors import ErrorDetail, InvalidParameter
from service.explanation.maps import Fusion, Sign
from service.explanation.methods import METHODS, Method, MethodName
from service.explanation.removal import Baseline, Removal

MOST_TARGETS = 5
MOST_STEPS = 128
PATH_STEPS = 32  # of integrated gradients, where none are named
RANDOM_ORDERS = 4  # of the control that a faithfulness is held against
MANY_LABELS = 10
LONGEST_LABEL = 64  # characters of an unknown label that are looked at
CURVE_STEPS = 16  # of a faithfulness curve


class ExplainOptions(BaseModel):
    """What can be asked; a parameter left out takes the method's own default."""

    method: MethodName | None = Field(
        default=None, description="How to explain; the model's most faithful method by default"
    )
    target: list[str] = Field(
        default=[],
        max_length=MOST_TARGETS,
        description="Label or index of the class to explain, up to 5; the predicted by default",
    )
    versus: str | None = Field(
        default=None, description="Label or index: explain the target rather than this class"
    )
    sign: Sign | None = Field(
        default=None, description="relevance: evidence for the class (positive), against, or both"
    )
    start_layer: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="relevance, rollout: first layer that is followed, from 0"
    )
    layer: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="attention: layer from 0; the last by default"
    )
    head: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="attention: head from 0; all, joined by fusion, by default"
    )
    fusion: Fusion | None = Field(
        default=None, description="rollout, attention: how heads are joined; mean by default"
    )
    discard_ratio: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        default=None, description="rollout, attention: share of the weakest patches to drop"
    )
    steps: Annotated[int, Field(ge=2, le=MOST_STEPS)] | None = Field(
        default=None,
        description="integrated_gradients: points on the path (32); faithfulness: on a curve (16)",
    )
    baseline: Baseline | None = Field(
        default=None, description="integrated_gradients: where the path begins; mean by default"
    )
    removal: Removal | None = Field(
        default=None,
        description="occlusion, faithfulness: how patches are taken away; token by default",
    )
    faithfulness: bool = Field(
        default=False, description="Measure how true the map is to the model on this picture"
    )


@dataclass(frozen=True)
class Question:
    """A checked question.

    A target of None is the predicted class; `versus` is an index. `layer` and `head` count from 0;
    None is the last layer, and all heads.
    """

    method: MethodName
    targets: tuple[int | None, ...] = (None,)
    versus: int | None = None
    sign: Sign = "positive"
    start_layer: int = 0
    layer: int | None = None
    head: int | None = None
    fusion: Fusion = "mean"
    discard_ratio: float = 0
    path_steps: int = PATH_STEPS
    curve_steps: int = CURVE_STEPS
    baseline: Baseline = "mean"
    removal: Removal = "token"
    faithfulness: bool = False

    @property
    def definition(self) -> Method:
        """The method that is asked for."""
        return METHODS[self.method]

    @property
    def is_signed(self) -> bool:
        """Whether scores below 0 speak against the class."""
        return self.definition.is_signed or self.sign == "both"

    @property
    def removes(self) -> bool:
        """Whether patches are taken away to answer it."""
        return self.faithfulness or self.method == "occlusion"

    @property
    def is_thorough(self) -> bool:
        """Whether it takes many passes."""
        return self.faithfulness or not self.definition.is_quick

    def passes(self, patches: int) -> int:
        """Give the passes that it takes of one picture, at the most."""
        own = {"integrated_gradients": self.path_steps + 2, "occlusion": patches + 1}
        orders = 2 * len(self.targets) + RANDOM_ORDERS
        curves = orders * (self.curve_steps + 2) if self.faithfulness else 0
        return own.get(self.method, 1) + curves

    def logit_weights(self, classes: int) -> Floats:
        """Give the rows [T, C] that the logits are weighed with; zeros stand for the predicted."""
        weights = np.zeros((len(self.targets), classes), np.float32)
        for row, target in zip(weights, self.targets, strict=True):
            if target is not None:
                row[target] += 1
            if self.versus is not None:
                row[self.versus] -= 1
        return weights

    def parameters(self) -> dict[str, Any]:
        """Give the method's parameters as they were used, defaults too; None is left out."""
        names = {"steps": "path_steps"}
        values = {name: getattr(self, names.get(name, name)) for name in self.definition.parameters}
        return {name: value for name, value in values.items() if value is not None}


def ask(contract: Contract, options: ExplainOptions) -> Question:
    """Check what is asked against a model. Raises InvalidParameter, saying what there is."""
    method = options.method or contract.default_method
    _check_understood(method, options)
    _check_position(options.start_layer, contract.architecture.depth, "start_layer", "layer")
    _check_position(options.layer, contract.architecture.depth, "layer", "layer")
    _check_position(options.head, contract.architecture.heads, "head", "head")
    if options.head is not None and options.fusion is not None:
        raise _invalid("fusion", "fusion joins all heads; leave out either head or fusion")
    targets = [find_label(target, contract.labels, "target") for target in options.target]
    if repeated := {target for target in targets if targets.count(target) > 1}:
        names = ", ".join(contract.labels[target] for target in sorted(repeated))
        raise _invalid("target", f"target names {names} twice; name each class once")
    chosen = options.model_dump(
        include={field.name for field in fields(Question)}, exclude_none=True, exclude={"method"}
    )
    if options.steps is not None:
        chosen |= {"path_steps": options.steps, "curve_steps": options.steps}
    if options.versus is not None:
        chosen["versus"] = _opponent(options.versus, targets, contract.labels)
    return Question(**{**chosen, "method": method, "targets": tuple(targets) or (None,)})


def find_label(wanted: str, labels: tuple[str, ...], parameter: str) -> int:
    """Give the index of a class named by label or by number.

    Raises InvalidParameter, naming the nearest labels.
    """
    if wanted in labels:
        return labels.index(wanted)
    indexes = [str(index) for index in range(len(labels))]
    if wanted in indexes:
        return indexes.index(wanted)
    nearest = get_close_matches(wanted[:LONGEST_LABEL], labels, n=3, cutoff=0.4)
    some = f"the nearest labels are {', '.join(nearest)}"
    if not nearest:
        some = f"the first labels are {', '.join(labels[:MANY_LABELS])}"
    raise _invalid(
        parameter,
        f"{parameter} {shorten(wanted)} is neither a label nor an index below {len(labels)}; "
        + some,
    )


def _check_understood(method: MethodName, options: ExplainOptions) -> None:
    everywhere = {"method", "target", "faithfulness"}
    understood = {*METHODS[method].parameters, *everywhere}
    if options.faithfulness:
        understood |= {"steps", "removal"}
    asked = (name for name in ExplainOptions.model_fields if name in options.model_fields_set)
    for name in asked:
        if name not in understood and getattr(options, name) is not None:
            takers = [other.name for other in METHODS.values() if name in other.parameters]
            also = " or faithfulness=true" if name in ("steps", "removal") else ""
            raise _invalid(
                name,
                f"{name} does not apply to method {method}; leave it out, or ask for "
                f"{' or '.join(takers)}{also}",
            )


def _check_position(value: int | None, count: int, parameter: str, what: str) -> None:
    if value is not None and value >= count:
        raise _invalid(
            parameter,
            f"{parameter} {value} does not exist; this model has {what}s 0 to {count - 1}",
        )


def _opponent(versus: str, targets: list[int], labels: tuple[str, ...]) -> int:
    if not targets:
        raise _invalid("versus", "versus needs a target: say which class is explained against it")
    index = find_label(versus, labels, "versus")
    if index in targets:
        raise _invalid("versus", f"versus {shorten(versus)} is a target itself; name another class")
    return index


def _invalid(parameter: str, detail: str) -> InvalidParameter:
    return InvalidParameter(detail, [ErrorDetail(parameter, detail)])
