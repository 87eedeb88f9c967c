"""The commands of `vitrine-model` that make and measure a teacher."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field
from pydantic_settings import CliPositionalArg

from model.progress_bar import progress_bar
from model.teacher_config import TeacherConfig


class TrainTeacher(TeacherConfig):
    """Train a convolutional network that teaches a Vision Transformer. A run resumes.

    Data is laid out as for train; with the same data, seed and share the same pictures are held
    out as there.
    """

    def cli_cmd(self) -> None:
        """Train and say what to do next."""
        from model.teacher_training import train_teacher

        finished = train_teacher(TeacherConfig.model_validate(self.model_dump()))
        print(
            f"trained: {finished}\n"
            f"next:    vitrine-model train --teacher {finished} --distillation soft --data DATA"
        )


class TeacherAccuracy(BaseModel):
    """Measure how often a teacher is right: a bundle, a run folder, or an ONNX file."""

    teacher: CliPositionalArg[Path] = Field(description="As --teacher of train")
    data: list[str] = Field(description="Data sources, as for train; may be given several times")
    part: Literal["test", "validation", "train"] = Field(
        default="test", description="Which part of the data to measure on"
    )

    def cli_cmd(self) -> None:
        """Print what was measured."""
        from model.teacher_accuracy import teacher_accuracy

        with progress_bar("measuring") as progress:
            right, pictures = teacher_accuracy(self.teacher, self.data, self.part, progress)
        print(f"right: {right:,} of {pictures:,} pictures of {self.part}, {right / pictures:.2%}")
