"""A public model as it is read: Vitrine's shape and weights, and all that the source tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from model.config import VisionTransformerConfig
from model.pretrained.facts import Fact


@dataclass(frozen=True)
class PublicModel:
    """Everything to serve a public model or to train it further.

    `weights` are float32 by the names of `VisionTransformer`, positions already resized to
    `shape.image_size`. Where `has_head` is False they lack `head.*`, `shape.classes` is 1, and
    `labels` is None. `preprocessing` validates as the contract's `Preprocessing`.
    """

    shape: VisionTransformerConfig
    weights: Mapping[str, Tensor]
    has_head: bool
    preprocessing: dict[str, Any]
    labels: tuple[str, ...] | None
    facts: tuple[Fact, ...]
    warnings: tuple[str, ...]
    provenance: dict[str, Any]
