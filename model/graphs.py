"""Exports a model's two graphs to ONNX: the lean classify graph and the explain graph."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import onnx
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from model.config import VisionTransformerConfig
from model.explain import Explainer
from model.vit import VisionTransformer
from model.weight_sharing import share_weights
from service.contract import Graphs, GraphSpec, TensorSpec

CLASSIFY_FILE, EXPLAIN_FILE = "classify.onnx", "explain.onnx"
WEIGHTS_FILE = "weights.safetensors"
OPSET = 20
READABLE = 0o644  # safetensors writes files for their owner alone; a container serves as another


class Classifier(nn.Module):
    """The lean forward pass: what `classify.onnx` computes."""

    def __init__(self, model: VisionTransformer) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: Tensor) -> tuple[Tensor, Tensor]:
        """Give logits [B, C] and the readout [B, d] behind them."""
        readout = self.model.features(pixel_values)
        return self.model.head(readout), readout


def graph_specs(config: VisionTransformerConfig) -> Graphs:
    """State the inputs and outputs of both graphs."""
    depth, heads, tokens = config.depth, config.heads, config.tokens
    pixels = TensorSpec(name="pixel_values", shape=("batch", config.channels, *config.image_size))
    logits = TensorSpec(name="logits", shape=("batch", config.classes))
    matrices = (depth, heads, tokens, tokens)
    return Graphs(
        classify=GraphSpec(
            file=CLASSIFY_FILE,
            inputs=(pixels,),
            outputs=(logits, TensorSpec(name="readout", shape=("batch", config.width))),
        ),
        explain=GraphSpec(
            file=EXPLAIN_FILE,
            inputs=(
                pixels,
                TensorSpec(name="logit_weights", shape=("batch", "targets", config.classes)),
                TensorSpec(name="keep", shape=("batch", config.patches)),
            ),
            outputs=(
                logits,
                TensorSpec(name="attention", shape=("batch", *matrices)),
                TensorSpec(name="attention_gradient", shape=("batch", "targets", *matrices)),
            ),
        ),
    )


def write_graphs(model: VisionTransformer, folder: Path) -> None:
    """Write both graphs and the weights file that they share into a folder."""
    parameters = {name: value.detach().contiguous() for name, value in model.state_dict().items()}
    save_file(parameters, folder / WEIGHTS_FILE)
    (folder / WEIGHTS_FILE).chmod(READABLE)
    arrays = {name: value.numpy() for name, value in parameters.items()}
    config = model.config
    pixels = torch.zeros(2, config.channels, *config.image_size)
    weights, keep = torch.zeros(2, 2, config.classes), torch.ones(2, config.patches)
    batch, targets = torch.export.Dim("batch"), torch.export.Dim("targets")
    for file, module, inputs, shapes, outputs in (
        (CLASSIFY_FILE, Classifier(model), {"pixel_values": pixels},
         {"pixel_values": {0: batch}}, ["logits", "readout"]),
        (EXPLAIN_FILE, Explainer(model),
         {"pixel_values": pixels, "logit_weights": weights, "keep": keep},
         {"pixel_values": {0: batch}, "logit_weights": {0: batch, 1: targets}, "keep": {0: batch}},
         ["logits", "attention", "attention_gradient"]),
    ):  # fmt: skip
        graph = _export_graph(module.eval(), inputs, shapes, outputs)
        share_weights(graph, folder / WEIGHTS_FILE, arrays)
        onnx.save(graph, folder / file)
        onnx.checker.check_model(str(folder / file))


def _export_graph(
    module: nn.Module, inputs: dict[str, Tensor], shapes: dict[str, Any], outputs: list[str]
) -> onnx.ModelProto:
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own internals
        program = torch.onnx.export(
            module,
            kwargs=inputs,
            dynamo=True,
            dynamic_shapes=shapes,
            input_names=list(inputs),
            output_names=outputs,
            opset_version=OPSET,
            verbose=False,
        )
    assert program is not None
    graph = program.model_proto
    _strip_traces(graph)
    return graph


def _strip_traces(graph: onnx.ModelProto) -> None:
    """Drop what the exporter notes of its own run: stack traces with the machine's paths."""
    del graph.metadata_props[:], graph.graph.metadata_props[:], graph.graph.value_info[:]
    graph.graph.doc_string = graph.doc_string = ""
    tensors = [*graph.graph.initializer, *graph.graph.input, *graph.graph.output]
    for part in [*graph.graph.node, *tensors]:
        del part.metadata_props[:]
        part.doc_string = ""
