"""What a classifier needs to teach: its graph, and beside it how pictures become its input.

teacher.onnx         pixel_values [batch, 3, S, S] -> logits [batch, classes]
teacher.json         labels, preprocessing, record: `TeacherDescription`
teacher.safetensors  the weights, where a convolutional teacher was trained here
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors.torch import load_file, save

from model.checkpoint import write_atomically
from model.convolutional_teacher import ConvolutionalTeacher
from model.graphs import export_graph
from model.position import Position
from model.provenance import provenance
from service.contract import Preprocessing
from service.errors import InvalidInput
from service.graphs import GraphSpec, TensorSpec
from service.misfit import misfits

TEACHER_GRAPH = "teacher.onnx"
TEACHER_WEIGHTS = "teacher.safetensors"


class TeacherDescription(BaseModel):
    """How a picture becomes a teacher's input, and what its answers mean.

    `labels` name the logits in order. `widths` are there where `teacher.safetensors` holds a
    `ConvolutionalTeacher` of these. A file of someone else's needs labels, size, mean and std.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    labels: tuple[str, ...] = Field(min_length=2)
    preprocessing: Preprocessing
    widths: tuple[int, int, int] | None = None
    provenance: dict[str, Any] = Field(default_factory=dict)


def description_file(graph: Path) -> Path:
    """Give where the description of an ONNX file lies: NAME.json beside NAME.onnx."""
    return graph.with_suffix(".json")


def read_description(graph: Path) -> TeacherDescription:
    """Read what lies beside an ONNX file. Raises InvalidInput, naming everything that is wrong."""
    path = description_file(graph)
    if not path.is_file():
        raise InvalidInput(
            f"{path} does not exist; write the teacher's labels and preprocessing "
            "(size, crop, mean, std) there as JSON"
        )
    try:
        return TeacherDescription.model_validate_json(path.read_bytes())
    except ValidationError as error:
        problems = misfits(error, "the file")
        wrong = "; ".join(map(str, problems))
        raise InvalidInput(f"{path} does not describe a teacher: {wrong}", problems) from None


def save_teacher(
    run: Path,
    model: ConvolutionalTeacher,
    labels: tuple[str, ...],
    preprocessing: Preprocessing,
    position: Position,
) -> None:
    """Write a convolutional teacher's weights and description into a run folder."""
    epochs = position.history[-1]["epoch"]
    description = TeacherDescription(
        labels=labels,
        preprocessing=preprocessing,
        widths=position.config["widths"],
        provenance=provenance(position, epochs),
    )
    weights = {
        name: weight.detach().cpu().contiguous() for name, weight in model.state_dict().items()
    }
    write_atomically(run / TEACHER_WEIGHTS, save(weights))
    text = json.dumps(description.model_dump(mode="json"), indent=2) + "\n"
    write_atomically(description_file(run / TEACHER_GRAPH), text.encode())


def export_teacher(run: Path) -> Path:
    """Write the graph of the teacher that `save_teacher` left in a run folder; give its path."""
    model, description = load_convolutional_teacher(run)
    rows, columns = description.preprocessing.crop
    spec = GraphSpec(
        file=TEACHER_GRAPH,
        inputs=(TensorSpec(name="pixel_values", shape=("batch", 3, rows, columns)),),
        outputs=(TensorSpec(name="logits", shape=("batch", len(description.labels))),),
    )
    graph = export_graph(model, spec)
    onnx.checker.check_model(graph)
    write_atomically(run / TEACHER_GRAPH, graph.SerializeToString())
    return run / TEACHER_GRAPH


def load_convolutional_teacher(run: Path) -> tuple[ConvolutionalTeacher, TeacherDescription]:
    """Read what `save_teacher` wrote back, in evaluation mode, on the CPU.

    Raises InvalidInput where it is not there.
    """
    description = read_description(run / TEACHER_GRAPH)
    weights = run / TEACHER_WEIGHTS
    if description.widths is None or not weights.is_file():
        raise InvalidInput(f"{weights} does not exist; give {run / TEACHER_GRAPH} instead")
    model = ConvolutionalTeacher(len(description.labels), description.widths)
    model.load_state_dict(load_file(weights))
    return model.eval(), description
