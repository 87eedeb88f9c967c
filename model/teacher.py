"""Teacher: what a student is shown, answered with logits of the student's own classes.

The teacher sees the very images that the student sees, changed and mixed alike: consistent teaching
(Beyer et al., "Knowledge distillation: A good teacher is patient and consistent", CVPR 2022).
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from model.teacher_file import TeacherDescription, description_file, read_description
from model.teacher_network import Autocast, TeacherNetwork, read_folder, read_graph
from model.training_config import TrainingConfig
from service.contract import Preprocessing
from service.errors import InvalidInput

GRAPH_SUFFIX = ".onnx"
OWN_FIELDS = ("teacher_labels", "teacher_size", "teacher_mean", "teacher_std")


class Teacher:
    """Answers a student's inputs. Invariant: column i of an answer is the student's label i."""

    def __init__(
        self,
        network: TeacherNetwork,
        labels: tuple[str, ...],
        preprocessing: Preprocessing,
        device: torch.device,
    ) -> None:
        """Match a network to a student with these labels and pixel levels.

        Classes that the student does not have are left out. Raises InvalidInput naming every label
        that the teacher lacks.
        """
        missing = [label for label in labels if label not in network.labels]
        if missing:
            raise InvalidInput(
                f"teacher {network.name} does not know {', '.join(missing)}; its labels are "
                f"{shortened(network.labels)}: name the data's classes as it does, or choose "
                "another teacher"
            )
        self.network = network
        columns = [network.labels.index(label) for label in labels]
        self.columns = torch.tensor(columns, device=device)
        own = network.preprocessing
        self.size = own.crop
        # What the student sees is (level - mean) / std, and so is what the teacher sees: one
        # multiplication and one addition lead from one to the other, a channel at a time.
        student_mean, student_std = channels(preprocessing, device)
        teacher_mean, teacher_std = channels(own, device)
        self.scale = student_std / teacher_std
        self.offset = (student_mean - teacher_mean) / teacher_std

    def logits(self, inputs: Tensor) -> Tensor:
        """Give the teacher's logits [B, C] for the student's inputs [B, 3, S, S].

        Where the sizes differ, the images are resized to the teacher's (bilinear, antialiased).
        """
        if inputs.shape[-2:] != self.size:
            inputs = functional.interpolate(
                inputs, self.size, mode="bilinear", antialias=True, align_corners=False
            )
        answers = self.network.answer(inputs * self.scale + self.offset)
        return answers[:, self.columns]

    @property
    def description(self) -> dict[str, str]:
        """Name and digest, for the record."""
        return {"name": self.network.name, "digest": self.network.digest}


def channels(preprocessing: Preprocessing, device: torch.device) -> tuple[Tensor, Tensor]:
    """Give mean and deviation of each channel [3, 1, 1] in levels of 0 to 1."""
    whole = 255 * preprocessing.rescale
    mean = torch.tensor(preprocessing.mean, device=device)[:, None, None] / whole
    return mean, torch.tensor(preprocessing.std, device=device)[:, None, None] / whole


def read_teacher(
    config: TrainingConfig,
    labels: tuple[str, ...],
    preprocessing: Preprocessing,
    device: torch.device,
    autocast: Autocast,
) -> Teacher | None:
    """Read the teacher that a configuration names, for a student with these labels and levels.

    None where it names none. Raises InvalidInput where there is no such teacher or it does not fit,
    and ContractError where it is a broken bundle.
    """
    if config.teacher is None:
        return None
    path = Path(config.teacher)
    if path.is_dir():
        check_no_own_fields(config)
        network = read_folder(path, device, autocast)
    elif path.is_file() and path.suffix == GRAPH_SUFFIX:
        network = read_graph(path, graph_description(path, config), device)
    else:
        what = "does not exist" if not path.exists() else "is no ONNX file"
        raise InvalidInput(
            f"teacher {path} {what}; give a bundle, the run folder of a training, or the ONNX file "
            "of a classifier"
        )
    return Teacher(network, labels, preprocessing, device)


def check_no_own_fields(config: TrainingConfig) -> None:
    given = [name for name in OWN_FIELDS if getattr(config, name)]
    if given:
        raise InvalidInput(
            f"{', '.join(given)}: teacher {config.teacher} says that itself; leave it out"
        )


def graph_description(path: Path, config: TrainingConfig) -> TeacherDescription:
    """Give what lies beside an ONNX file, changed where the configuration says so.

    Where nothing lies there, the configuration must say everything: else InvalidInput.
    """
    given = {name: value for name in OWN_FIELDS if (value := getattr(config, name))}
    if description_file(path).is_file():
        values = read_description(path).model_dump()
    else:
        missing = [name for name in OWN_FIELDS if name not in given]
        if missing:
            raise InvalidInput(
                f"{description_file(path)} does not exist and {', '.join(missing)} "
                f"{'is' if len(missing) == 1 else 'are'} not set; teacher {path} needs them"
            )
        values = {"preprocessing": {}}
    changed: dict[str, object] = values["preprocessing"]
    if config.teacher_mean:
        changed["mean"] = config.teacher_mean
    if config.teacher_std:
        changed["std"] = config.teacher_std
    if config.teacher_size:
        changed["size"] = changed["crop"] = (config.teacher_size, config.teacher_size)
    labels = config.teacher_labels or values["labels"]
    return TeacherDescription.model_validate({"labels": labels, "preprocessing": changed})


def shortened(labels: tuple[str, ...], most: int = 20) -> str:
    """List labels, the first ones where there are many."""
    more = len(labels) - most
    return ", ".join(labels[:most]) + (f" and {more} more" if more > 0 else "")
