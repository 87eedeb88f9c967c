"""Proves that a bundle's graphs give the numbers of the torch model that they were made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from model.graphs import graph_specs, modules
from model.vit import VisionTransformer
from service.engine import Arrays, Engine
from service.errors import ContractError
from service.graphs import GraphName, GraphSpec

AGREEMENT = 1e-4  # what torch and onnxruntime may differ by, or that share of a large value
SMALL_AGREEMENT = 1e-3  # the share of the largest value, where all are small
IMAGES = 4
TARGETS = 2
KEPT = 0.7  # share of the patches in the attend graph's trial


def compare_with_torch(model: VisionTransformer, engine: Engine) -> None:
    """Run every graph and its torch module on random inputs.

    Raises ContractError when an output differs by more than 1e-4 (of its largest value, where that
    is above 1), or by more than 1e-3 of it, or when the graphs' logits differ from each other.
    """
    classified, explained, _ = (
        compare_graph(model, engine, name) for name in ("classify", "explain", "attend")
    )
    _agree("explain logits and classify", explained["logits"], classified["logits"])
    compare_trace(model, engine)


def compare_graph(
    model: VisionTransformer,
    engine: Engine,
    name: GraphName,
    layer: int = 0,
    merged: Sequence[int] = (),
) -> Arrays:
    """Run one graph and its torch module, and give what the graph gave. Raises ContractError."""
    spec, inputs = graph_specs(model.config).named[name], _random_inputs(model, layer)
    given = {tensor.name: inputs[tensor.name] for tensor in spec.inputs}
    found = engine.run(name, given, [tensor.name for tensor in spec.outputs])
    _compare(name, spec, found, _by_torch(modules(model, merged)[name], given))
    return found


def compare_trace(model: VisionTransformer, engine: Engine) -> None:
    """Run the trace graph for every layer, as `compare_with_torch` does, and beside classify."""
    classified = compare_graph(model, engine, "classify")
    for layer in range(0, model.config.depth, IMAGES):
        traced = compare_graph(model, engine, "trace", layer)
        _agree("trace logits and classify", traced["logits"], classified["logits"])


def _random_inputs(model: VisionTransformer, layer: int) -> Arrays:
    """Draw what the graphs are given; the images trace this layer and those after it."""
    config, random = model.config, np.random.default_rng(0)
    kept = max(1, round(config.patches * KEPT))
    return {
        "pixel_values": random.standard_normal(
            (IMAGES, config.channels, *config.image_size), np.float32
        ),
        "logit_weights": random.standard_normal((IMAGES, TARGETS, config.classes), np.float32),
        "layer_weights": random.standard_normal((IMAGES, 1, config.classes), np.float32),
        "keep": np.stack([random.permutation(config.patches)[:kept] for _ in range(IMAGES)]),
        "layer": np.arange(layer, layer + IMAGES, dtype=np.int64).clip(max=config.depth - 1),
    }


def _by_torch(module: torch.nn.Module, inputs: Arrays) -> list[np.ndarray]:
    with torch.inference_mode():
        outputs = module(**{name: torch.from_numpy(values) for name, values in inputs.items()})
    return [output.numpy() for output in outputs]


def _compare(name: str, spec: GraphSpec, found: Arrays, expected: list[np.ndarray]) -> None:
    for tensor, values in zip(spec.outputs, expected, strict=True):
        _agree(f"{name} {tensor.name}", found[tensor.name], values)


def _agree(what: str, found: np.ndarray, expected: np.ndarray) -> None:
    largest = float(np.abs(expected).max())
    allowed = min(AGREEMENT * max(1.0, largest), SMALL_AGREEMENT * largest)
    difference = float(np.abs(found - expected).max())
    if not difference <= allowed:
        raise ContractError(
            f"onnxruntime's {what} differ from torch's by {difference:.3g}, more than "
            f"{allowed:.3g}; the model is not exported"
        )
