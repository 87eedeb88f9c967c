"""What the model saw: maps over the patches, made from attention and its gradients.

Every function takes the arrays of one image: attention [L, H, N, N] with rows that sum to 1 (row:
query, column: key) and, where the map is of a class, the gradient of that class's logit at every
attention. A map is [rows, columns], one score a patch; class token and registers are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from reprlib import repr as shorten
from typing import Literal

import numpy as np

from service.contract import Architecture
from service.engine import Attribution, Floats
from service.errors import ErrorDetail, InvalidParameter

MethodName = Literal["relevance", "rollout", "attention"]
Sign = Literal["positive", "negative"]


@dataclass(frozen=True)
class Method:
    """How an explanation is made, for `GET /explain/methods`."""

    name: MethodName
    summary: str
    definition: str
    source: str
    class_specific: bool
    cost: str
    parameters: tuple[str, ...]


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            name="relevance",
            summary="Which patches the chosen class rests on, through all layers.",
            definition=(
                "r = readout; for l = L..1: r += r . mean_h relu(G_l * A_l), where G_l is the "
                "gradient of the class's logit at attention A_l; the map is r over the patches. "
                "sign=negative takes relu(-G_l * A_l): evidence against the class."
            ),
            source="Chefer, Gur and Wolf, Generic Attention-model Explainability, ICCV 2021",
            class_specific=True,
            cost="1 forward and 1 backward pass",
            parameters=("target", "versus", "sign"),
        ),
        Method(
            name="rollout",
            summary="Where attention flows through all layers, whatever the class.",
            definition="r = readout; for l = L..1: r = (r + r . mean_h A_l) / 2",
            source="Abnar and Zuidema, Quantifying Attention Flow in Transformers, ACL 2020",
            class_specific=False,
            cost="1 forward pass",
            parameters=(),
        ),
        Method(
            name="attention",
            summary="What one layer attends to, in one head or on average.",
            definition="readout . A_l[h]; the mean over heads where no head is chosen",
            source="Dosovitskiy et al., An Image is Worth 16x16 Words, ICLR 2021",
            class_specific=False,
            cost="1 forward pass",
            parameters=("layer", "head"),
        ),
    )
}
DEFAULT_METHOD: MethodName = "relevance"


@dataclass(frozen=True)
class Question:
    """What is asked: a method with its parameters, checked against the model.

    `target` and `versus` are class indexes; None is the predicted class, or no class to compare
    with. `layer` and `head` count from 0; a layer of None is the last, a head of None the mean.
    """

    method: MethodName = DEFAULT_METHOD
    target: int | None = None
    versus: int | None = None
    sign: Sign = "positive"
    layer: int | None = None
    head: int | None = None

    def logit_weights(self, classes: int) -> Floats:
        """Give the row [C] that the explain graph weighs the logits with; zero is the predicted."""
        weights = np.zeros(classes, np.float32)
        if self.target is not None:
            weights[self.target] += 1
        if self.versus is not None:
            weights[self.versus] -= 1
        return weights


@dataclass(frozen=True)
class Explanation:
    """A map of one image: scores [rows, columns], the class explained, and what to mind.

    Warnings: `constant_map` (nothing to tell apart), `class_agnostic_method` (the map is the same
    for every class), `target_not_predicted` (the class explained is not the most probable).
    """

    scores: Floats
    target: int
    warnings: tuple[str, ...]


def readout_share(architecture: Architecture) -> Floats:
    """Give every token's share in the readout [N]: the class token alone, or all patches alike."""
    share = np.zeros(architecture.prefix_tokens + architecture.patches, np.float32)
    if architecture.pooling == "class_token":
        share[0] = 1
    else:
        share[architecture.prefix_tokens :] = 1 / architecture.patches
    return share


def patch_map(tokens: Floats, architecture: Architecture) -> Floats:
    """Lay scores of all tokens [N] out over the patches [rows, columns]."""
    return tokens[architecture.prefix_tokens :].reshape(architecture.grid)


def attention_relevance(
    attention: Floats, gradient: Floats, architecture: Architecture, sign: Sign = "positive"
) -> Floats:
    """Give the relevance of every patch for the class of `gradient` [L, H, N, N].

    The readout's own share, which relevance starts from, is not counted as evidence.
    """
    start = readout_share(architecture)
    scores = start.copy()
    direction = np.float32(1 if sign == "positive" else -1)
    for weights, slope in zip(attention[::-1], gradient[::-1], strict=True):
        scores += scores @ np.maximum(slope * weights * direction, 0).mean(axis=0)
    return patch_map(scores - start, architecture)


def attention_rollout(attention: Floats, architecture: Architecture) -> Floats:
    """Give the flow of attention from the patches to the readout, half of it through residuals."""
    scores = readout_share(architecture)
    for weights in attention[::-1]:
        scores = (scores + scores @ weights.mean(axis=0)) / 2
    return patch_map(scores, architecture)


def attention_of_layer(
    attention: Floats, architecture: Architecture, layer: int | None, head: int | None
) -> Floats:
    """Give what the readout attends to in one layer, in one head or on average over heads."""
    heads = attention[-1 if layer is None else layer]
    weights = heads.mean(axis=0) if head is None else heads[head]
    return patch_map(readout_share(architecture) @ weights, architecture)


def explain_image(
    attribution: Attribution, architecture: Architecture, asked: Question
) -> Explanation:
    """Answer `asked` for one image with one target.

    `attribution` has logits [C], attention [L, H, N, N] and its gradient [1, L, H, N, N].
    """
    predicted = int(attribution.logits.argmax())
    target = predicted if asked.target is None else asked.target
    scores = _scores(attribution, architecture, asked)
    warnings = []
    if not scores.max() > scores.min():
        warnings.append("constant_map")
    if not METHODS[asked.method].class_specific:
        warnings.append("class_agnostic_method")
    if target != predicted:
        warnings.append("target_not_predicted")
    return Explanation(scores, target, tuple(warnings))


def _scores(attribution: Attribution, architecture: Architecture, asked: Question) -> Floats:
    attention = attribution.attention
    if asked.method == "relevance":
        gradient = attribution.attention_gradient[0]
        return attention_relevance(attention, gradient, architecture, asked.sign)
    if asked.method == "rollout":
        return attention_rollout(attention, architecture)
    return attention_of_layer(attention, architecture, asked.layer, asked.head)


def find_label(wanted: str, labels: tuple[str, ...], parameter: str) -> int:
    """Give the index of a class named by label or by number.

    Raises InvalidParameter, naming the nearest labels.
    """
    if wanted in labels:
        return labels.index(wanted)
    indexes = [str(index) for index in range(len(labels))]
    if wanted in indexes:
        return indexes.index(wanted)
    nearest = get_close_matches(wanted, labels, n=3, cutoff=0) or labels[:3]
    detail = (
        f"{parameter} {shorten(wanted)} is neither a label nor an index below {len(labels)}; "
        f"the nearest labels are {', '.join(nearest)}"
    )
    raise InvalidParameter(detail, [ErrorDetail(parameter, detail)])


def check_position(value: int | None, count: int, parameter: str) -> None:
    """Refuse a layer or head that the model does not have. Raises InvalidParameter."""
    if value is not None and not 0 <= value < count:
        detail = f"{parameter} {value} does not exist; this model has {parameter}s 0 to {count - 1}"
        raise InvalidParameter(detail, [ErrorDetail(parameter, detail)])


def ask(
    architecture: Architecture,
    labels: tuple[str, ...],
    *,
    method: MethodName = DEFAULT_METHOD,
    target: str | None = None,
    versus: str | None = None,
    sign: Sign = "positive",
    layer: int | None = None,
    head: int | None = None,
) -> Question:
    """Check an explanation's parameters against a model. Raises InvalidParameter."""
    check_position(layer, architecture.depth, "layer")
    check_position(head, architecture.heads, "head")
    if versus is not None and target is None:
        detail = "versus needs a target: say which class is explained against it"
        raise InvalidParameter(detail, [ErrorDetail("versus", detail)])
    target_index = None if target is None else find_label(target, labels, "target")
    versus_index = None if versus is None else find_label(versus, labels, "versus")
    if versus_index is not None and versus_index == target_index:
        detail = f"versus {shorten(versus)} is the target itself; name another class"
        raise InvalidParameter(detail, [ErrorDetail("versus", detail)])
    return Question(
        method=method,
        target=target_index,
        versus=versus_index,
        sign=sign,
        layer=layer,
        head=head,
    )
