"""A network that can teach, read from wherever it was made: its labels, input and logits.

Accepted are a bundle, the run folder of a training (of a Vision Transformer or a convolutional
teacher), and the ONNX file of any classifier.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from onnxruntime.capi import onnxruntime_pybind11_state as onnxruntime_errors
from torch import Tensor, nn

from model.checkpoint import load_checkpoint
from model.teacher_file import (
    TEACHER_WEIGHTS,
    TeacherDescription,
    load_convolutional_teacher,
)
from service.bundle import file_digest
from service.contract import CONTRACT_FILE, WEIGHTS_FILE, Preprocessing
from service.errors import InvalidInput

Answer = Callable[[Tensor], Tensor]  # pixel values [B, 3, S, S] to logits [B, labels]
Autocast = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True)
class TeacherNetwork:
    """A classifier as it is: `answer` takes pixel values as `preprocessing` makes them."""

    name: str
    digest: str
    labels: tuple[str, ...]
    preprocessing: Preprocessing
    answer: Answer


def read_folder(folder: Path, device: torch.device, autocast: Autocast) -> TeacherNetwork:
    """Read a bundle's or a run's folder. Raises InvalidInput where it is neither."""
    if (folder / TEACHER_WEIGHTS).is_file():
        network, description = load_convolutional_teacher(folder)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        answer = torch_answer(network, device, autocast, torch.channels_last)
        labels, preprocessing = description.labels, description.preprocessing
        weights = folder / TEACHER_WEIGHTS
    else:
        checkpoint = load_checkpoint(folder)
        answer = torch_answer(checkpoint.model, device, autocast, torch.contiguous_format)
        labels = checkpoint.labels
        preprocessing = Preprocessing.model_validate(checkpoint.preprocessing)
        is_bundle = (folder / CONTRACT_FILE).is_file()
        weights = folder / (WEIGHTS_FILE if is_bundle else "model.safetensors")
    return TeacherNetwork(folder.name, file_digest(weights), labels, preprocessing, answer)


def torch_answer(
    network: nn.Module, device: torch.device, autocast: Autocast, order: torch.memory_format
) -> Answer:
    """Run a network of torch in the training's own precision, on its device."""
    network.to(device).eval().requires_grad_(False)

    @torch.no_grad()
    def answer(pixel_values: Tensor) -> Tensor:
        with autocast():
            logits: Tensor = network(pixel_values.contiguous(memory_format=order))
        return logits.float()

    return answer


def read_graph(path: Path, description: TeacherDescription, device: torch.device) -> TeacherNetwork:
    """Read an ONNX file. Raises InvalidInput, naming every way in which it does not fit.

    It must have one input, float32 [batch, 3, rows, columns] of the description's crop and a free
    batch, and give logits [batch, labels] as `logits` or as its first output.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # torch needs the core
    wanted = ["CUDAExecutionProvider"] if device.type == "cuda" else []
    usable = [name for name in wanted if name in onnxruntime.get_available_providers()]
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=[*usable, "CPUExecutionProvider"]
        )
    except (
        onnxruntime_errors.Fail,
        onnxruntime_errors.InvalidGraph,
        onnxruntime_errors.InvalidProtobuf,
        onnxruntime_errors.NotImplemented,
    ) as error:
        raise InvalidInput(
            f"teacher {path} is not a graph that onnxruntime runs: {error}"
        ) from None
    name, output = checked_names(path, session, description)

    def answer(pixel_values: Tensor) -> Tensor:
        (logits,) = session.run([output], {name: pixel_values.cpu().numpy()})
        return torch.from_numpy(np.asarray(logits, np.float32)).to(pixel_values.device)

    network = TeacherNetwork(
        path.name, file_digest(path), description.labels, description.preprocessing, answer
    )
    check_answer(path, network)
    return network


def checked_names(
    path: Path, session: onnxruntime.InferenceSession, description: TeacherDescription
) -> tuple[str, str]:
    """Give the names of a graph's input and of its logits. Raises InvalidInput."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    crop = description.preprocessing.crop
    wrong = []
    if len(inputs) != 1:
        wrong.append(f"it has the inputs {', '.join(one.name for one in inputs)}; it may have one")
    for one in inputs[:1]:
        expected = (None, 3, *crop)
        fits = len(one.shape) == len(expected) and all(
            not isinstance(size, int) or size == wanted
            for size, wanted in zip(one.shape, expected, strict=True)
        )
        if not fits or one.type != "tensor(float)":
            wrong.append(
                f"its input {one.name} is {one.type} {one.shape}; it must be tensor(float) "
                f"['batch', 3, {crop[0]}, {crop[1]}]: export it with a free batch, or set the "
                "teacher's size"
            )
    named = [one.name for one in outputs if one.name == "logits"] or [outputs[0].name]
    if wrong:
        raise InvalidInput(f"teacher {path} cannot teach: {'; '.join(wrong)}")
    return inputs[0].name, named[0]


def check_answer(path: Path, network: TeacherNetwork) -> None:
    """Raise InvalidInput unless two grey images get one logit for each label."""
    grey = torch.zeros(2, 3, *network.preprocessing.crop)
    shape, expected = list(network.answer(grey).shape), [2, len(network.labels)]
    if shape != expected:
        raise InvalidInput(
            f"teacher {path} answers two images with shape {shape}, and with its "
            f"{len(network.labels)} labels it must be {expected}; give the labels of all its "
            "classes, in order"
        )
