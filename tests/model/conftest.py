"""What the tests of training share: pictures drawn here, and a training of seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from model.teacher_config import TeacherConfig
from model.teacher_training import train_teacher
from model.training_config import TrainingConfig
from tests.model.shapes import COLOURS, write_pictures
from tests.model.teachers import tiny_teacher
from tests.model.trainings import tiny_training


@pytest.fixture
def shapes(tmp_path: Path) -> Path:
    """A folder with 40 training and 8 validation pictures of three colours each."""
    folder = write_pictures(tmp_path / "shapes", "train", dict.fromkeys(COLOURS, 40))
    return write_pictures(folder, "validation", dict.fromkeys(COLOURS, 8), first_seed=1000)


@pytest.fixture
def tiny_config(shapes: Path, tmp_path: Path) -> Callable[..., TrainingConfig]:
    """Give a training of seconds on the shapes, with some fields changed."""
    defaults = {"data": (str(shapes),), "run": tmp_path / "run"}
    return lambda **changes: tiny_training(**{**defaults, **changes})


@pytest.fixture(scope="session")
def teacher_config(tmp_path_factory: pytest.TempPathFactory) -> TeacherConfig:
    """The training of a tiny convolutional teacher of the shapes."""
    folder = tmp_path_factory.mktemp("teacher")
    data = write_pictures(folder / "shapes", "train", dict.fromkeys(COLOURS, 40))
    write_pictures(data, "validation", dict.fromkeys(COLOURS, 8), first_seed=1000)
    return tiny_teacher(data, folder / "run", epochs=1)


@pytest.fixture(scope="session")
def teacher_run(teacher_config: TeacherConfig) -> Path:
    """The run folder of that training, finished."""
    return train_teacher(teacher_config)
