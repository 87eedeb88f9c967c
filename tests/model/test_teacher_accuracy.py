"""The accuracy of a teacher, measured on the pictures that it would be shown."""

from __future__ import annotations

import pytest

from model.cli import main
from model.sources import DataError
from model.teacher_accuracy import teacher_accuracy
from model.teacher_file import read_description
from service.errors import InvalidInput
from tests.model.shapes import write_pictures


def test_a_run_and_its_graph_are_right_as_often_as_training_measured(teacher_run, teacher_config):
    history = read_description(teacher_run / "teacher.onnx").provenance["history"]
    measured = [
        teacher_accuracy(teacher, teacher_config.data, "validation")
        for teacher in (teacher_run, teacher_run / "teacher.onnx")
    ]
    assert measured[0] == measured[1]
    assert measured[0][0] / 24 == pytest.approx(history[-1]["validation_accuracy"], abs=1e-4)


def test_it_counts_among_the_classes_of_the_part_alone(teacher_run, tmp_path):
    data = write_pictures(tmp_path / "two", "test", {"red": 5, "blue": 5}, first_seed=2000)
    right, pictures = teacher_accuracy(teacher_run, [str(data)], "test")
    assert (right, pictures) == (10, 10)


def test_an_empty_part_is_refused(teacher_run, teacher_config):
    with pytest.raises(DataError, match="has no pictures in test"):
        teacher_accuracy(teacher_run, teacher_config.data, "test")


def test_a_class_that_it_does_not_know_is_refused(teacher_run, tmp_path):
    data = write_pictures(tmp_path / "one", "test", {"red": 2})
    (data / "test" / "red").rename(data / "test" / "pink")
    with pytest.raises(InvalidInput, match="does not know pink"):
        teacher_accuracy(teacher_run, [str(data)], "test")


def test_the_command_says_how_many_were_right(teacher_run, teacher_config, capsys):
    (data,) = teacher_config.data
    main(["teacher-accuracy", str(teacher_run), "--data", data, "--part", "validation"])
    assert "of 24 pictures of validation" in capsys.readouterr().out
