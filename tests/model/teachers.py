"""Teachers of seconds for the tests, and an ONNX classifier that answers what is asked of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from model.teacher_config import TeacherConfig


def tiny_teacher(data: Path, run: Path, **changes: object) -> TeacherConfig:
    """Give the training of a convolutional teacher on the shapes, with some fields changed."""
    values: dict[str, object] = {
        "run": run,
        "data": (str(data),),
        "image_size": 16,
        "widths": (8, 16, 16),
        "epochs": 2,
        "batch_size": 24,
        "device": "cpu",
        "bf16": False,
    }
    return TeacherConfig.model_validate({**values, **changes})


def write_mean_classifier(
    path: Path, size: int | str = 8, batch: int | str = "batch", classes: int = 3
) -> Path:
    """Write a classifier [batch, 3, size, size] whose logits are the channels' means, again."""
    weights = np.tile(np.eye(3, dtype=np.float32), (1, classes))[:, :classes]
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["images", "axes"], ["means"], keepdims=0),
            helper.make_node("MatMul", ["means", "weights"], ["scores"]),
        ],
        "means",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 3, size, size])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [batch, classes])],
        [
            numpy_helper.from_array(np.array([2, 3]), "axes"),
            numpy_helper.from_array(weights, "weights"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.save(model, path)
    return path
