"""Exports a model's graphs to ONNX: classify, which is lean, explain, attend and trace."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

import onnx
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from model.classifier import Classifier
from model.config import VisionTransformerConfig
from model.explain import Attender, Explainer
from model.trace import LAYER_TENSORS, Tracer
from model.vit import VisionTransformer
from model.weight_sharing import share_weights
from service.contract import SHAPE_KEY, WEIGHTS_FILE
from service.graphs import GraphName, Graphs, GraphSpec, TensorSpec

logger = logging.getLogger(__name__)

CLASSIFY_FILE, EXPLAIN_FILE, ATTEND_FILE = "classify.onnx", "explain.onnx", "attend.onnx"
TRACE_FILE = "trace.onnx"
OPSET = 20
EXAMPLE_SIZES = {
    "batch": 2,
    "targets": 3,
    "layer_targets": 4,
    "kept": 5,
}  # any, but not 0, 1, alike
READABLE = 0o644  # safetensors writes files for their owner alone; a container serves as another


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
            outputs=(logits, _tensor("readout", "batch", config.readout_width)),
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
        trace=_trace_spec(config),
    )


def _trace_spec(config: VisionTransformerConfig) -> GraphSpec:
    """State the values of `model/trace.py`: those of the whole model, then those of one layer."""
    depth, heads, classes = config.depth, config.heads, config.classes
    tokens, patches, width = config.tokens, config.patches, config.width
    hidden, of_head = int(width * config.mlp_ratio), (heads, tokens, config.head_width)
    layer_shapes: dict[str, tuple[int, ...]] = {
        "query": of_head,
        "key": of_head,
        "value": of_head,
        "scores": (heads, tokens, tokens),
        "attention": (heads, tokens, tokens),
        "context": of_head,
        "hidden": (tokens, hidden),
        "activation": (tokens, hidden),
    }
    normed_or_pooled = (
        _tensor("pooled", "batch", width)
        if config.norm_after_pooling
        else _tensor("norm", "batch", tokens, width)
    )
    return GraphSpec(
        file=TRACE_FILE,
        inputs=(
            _tensor("pixel_values", "batch", config.channels, *config.image_size),
            TensorSpec(name="layer", dtype="int64", shape=("batch",)),
        ),
        outputs=(
            _tensor("patches", "batch", patches, config.channels * config.patch_size**2),
            _tensor("patch_embeddings", "batch", patches, width),
            _tensor("embedded", "batch", tokens, width),
            normed_or_pooled,
            _tensor("readout", "batch", config.readout_width),
            _tensor("logits", "batch", classes),
            _tensor("readout_attention", "batch", depth, heads, patches),
            _tensor("layer_logits", "batch", depth, classes),
            _tensor("token_norms", "batch", depth, tokens),
            *(
                _tensor(name, "batch", *layer_shapes.get(name, (tokens, width)))
                for name in LAYER_TENSORS
            ),
        ),
    )


def _tensor(name: str, *shape: int | str) -> TensorSpec:
    return TensorSpec(name=name, shape=shape)


def modules(model: VisionTransformer, merged: Sequence[int] = ()) -> dict[GraphName, nn.Module]:
    """Give the module that each graph is made of; `merged` tokens are merged to classify."""
    return {
        "classify": Classifier(model, merged),
        "explain": Explainer(model),
        "attend": Attender(model),
        "trace": Tracer(model),
    }


def write_graphs(model: VisionTransformer, folder: Path) -> None:
    """Write the graphs and the weights file that they share into a folder."""
    write_weights(model, folder)
    for name in modules(model):
        write_graph(model, name, folder)


def write_weights(model: VisionTransformer, folder: Path) -> None:
    """Write the weights file that graphs refer to."""
    parameters = {name: value.detach().contiguous() for name, value in model.state_dict().items()}
    shape = json.dumps(model.config.to_dict())
    save_file(parameters, folder / WEIGHTS_FILE, metadata={SHAPE_KEY: shape})
    (folder / WEIGHTS_FILE).chmod(READABLE)


def write_graph(
    model: VisionTransformer, name: GraphName, folder: Path, merged: Sequence[int] = ()
) -> GraphSpec:
    """Write one graph beside the weights file of the same model, and state what it takes."""
    spec = graph_specs(model.config).named[name]
    arrays = {name: value.numpy() for name, value in model.state_dict().items()}
    logger.info("writing %s", spec.file)
    graph = export_graph(modules(model, merged)[name].eval(), spec)
    share_weights(graph, folder / WEIGHTS_FILE, arrays)
    onnx.save(graph, folder / spec.file)
    onnx.checker.check_model(str(folder / spec.file))
    return spec


def export_graph(module: nn.Module, spec: GraphSpec) -> onnx.ModelProto:
    """Give a module, in evaluation mode, as an ONNX graph with these inputs and outputs."""
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
