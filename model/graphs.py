"""Exports a model's graphs to ONNX: classify, which is lean, explain and attend."""

from __future__ import annotations

import json
import logging
import warnings
from pathlib import Path

import onnx
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from model.config import VisionTransformerConfig
from model.explain import Attender, Explainer
from model.vit import VisionTransformer
from model.weight_sharing import share_weights
from service.contract import Graphs, GraphSpec, TensorSpec

logger = logging.getLogger(__name__)

CLASSIFY_FILE, EXPLAIN_FILE, ATTEND_FILE = "classify.onnx", "explain.onnx", "attend.onnx"
WEIGHTS_FILE = "weights.safetensors"
OPSET = 20
EXAMPLE_SIZES = {
    "batch": 2,
    "targets": 3,
    "layer_targets": 4,
    "kept": 5,
}  # any, but not 0, 1, alike
SHAPE_KEY = "vitrine.model"  # where the weights file tells the shape that they belong to
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
    """State the inputs and outputs of the graphs."""
    depth, classes, patches = config.depth, config.classes, config.patches
    pixels = _tensor("pixel_values", "batch", config.channels, *config.image_size)
    logits = _tensor("logits", "batch", classes)
    patch = config.channels * config.patch_size**2
    return Graphs(
        classify=GraphSpec(
            file=CLASSIFY_FILE,
            inputs=(pixels,),
            outputs=(logits, _tensor("readout", "batch", config.width)),
        ),
        explain=GraphSpec(
            file=EXPLAIN_FILE,
            inputs=(
                pixels,
                _tensor("logit_weights", "batch", "targets", classes),
                _tensor("layer_weights", "batch", "layer_targets", classes),
            ),
            outputs=(
                logits,
                _tensor("relevance", "batch", "targets", depth, patches),
                _tensor("counter_relevance", "batch", "targets", depth, patches),
                _tensor("class_activation", "batch", "targets", patches),
                _tensor("patch_gradient", "batch", "targets", patches, patch),
                _tensor("layer_evidence", "batch", "layer_targets", patches),
                _tensor("token_norms", "batch", patches),
            ),
        ),
        attend=GraphSpec(
            file=ATTEND_FILE,
            inputs=(pixels, TensorSpec(name="keep", dtype="int64", shape=("batch", "kept"))),
            outputs=(
                logits,
                _tensor("attention", "batch", depth, config.heads, "tokens", "tokens"),
                _tensor("token_norms", "batch", "kept"),
            ),
        ),
    )


def _tensor(name: str, *shape: int | str) -> TensorSpec:
    return TensorSpec(name=name, shape=shape)


def write_graphs(model: VisionTransformer, folder: Path) -> None:
    """Write the graphs and the weights file that they share into a folder."""
    parameters = {name: value.detach().contiguous() for name, value in model.state_dict().items()}
    shape = json.dumps(model.config.to_dict())
    save_file(parameters, folder / WEIGHTS_FILE, metadata={SHAPE_KEY: shape})
    (folder / WEIGHTS_FILE).chmod(READABLE)
    arrays = {name: value.numpy() for name, value in parameters.items()}
    specs = graph_specs(model.config)
    assert specs.explain is not None
    assert specs.attend is not None
    for spec, module in (
        (specs.classify, Classifier(model)),
        (specs.explain, Explainer(model)),
        (specs.attend, Attender(model)),
    ):
        logger.info("writing %s", spec.file)
        graph = _export_graph(module.eval(), spec)
        share_weights(graph, folder / WEIGHTS_FILE, arrays)
        onnx.save(graph, folder / spec.file)
        onnx.checker.check_model(str(folder / spec.file))


def _export_graph(module: nn.Module, spec: GraphSpec) -> onnx.ModelProto:
    for talkative in ("torch.onnx", "onnxscript", "onnx_ir"):
        logging.getLogger(talkative).setLevel(logging.ERROR)
    sizes = {name for tensor in spec.inputs for name in tensor.shape if isinstance(name, str)}
    free = {name: torch.export.Dim(name) for name in sizes}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own internals
        program = torch.onnx.export(
            module,
            kwargs={tensor.name: _example(tensor) for tensor in spec.inputs},
            dynamo=True,
            dynamic_shapes={
                tensor.name: {
                    axis: free[size]
                    for axis, size in enumerate(tensor.shape)
                    if isinstance(size, str)
                }
                for tensor in spec.inputs
            },
            input_names=[tensor.name for tensor in spec.inputs],
            output_names=[tensor.name for tensor in spec.outputs],
            opset_version=OPSET,
            verbose=False,
        )
    assert program is not None
    graph = program.model_proto
    _strip_traces(graph)
    return graph


def _example(tensor: TensorSpec) -> Tensor:
    shape = [size if isinstance(size, int) else EXAMPLE_SIZES[size] for size in tensor.shape]
    return torch.zeros(shape, dtype=getattr(torch, tensor.dtype))


def _strip_traces(graph: onnx.ModelProto) -> None:
    """Drop what the exporter notes of its own run: stack traces with the machine's paths."""
    del graph.metadata_props[:], graph.graph.metadata_props[:], graph.graph.value_info[:]
    graph.graph.doc_string = graph.doc_string = ""
    tensors = [*graph.graph.initializer, *graph.graph.input, *graph.graph.output]
    for part in [*graph.graph.node, *tensors]:
        del part.metadata_props[:]
        part.doc_string = ""
