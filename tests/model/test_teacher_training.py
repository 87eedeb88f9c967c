"""A convolutional teacher learns, records itself, resumes to the same weights and is exported."""

from __future__ import annotations

import json

import numpy as np
import onnxruntime
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from model.cli import main
from model.convolutional_learner import ConvolutionalLearner
from model.position import load_state
from model.teacher_file import load_convolutional_teacher, read_description
from model.teacher_training import TeacherTraining, train_teacher
from service.errors import InvalidInput
from tests.model.teachers import tiny_teacher


def test_it_learns_in_a_few_steps_and_says_how_well(teacher_run):
    history = read_description(teacher_run / "teacher.onnx").provenance["history"]
    assert history[-1]["validation_accuracy"] >= 0.9


def test_the_record_beside_it_says_how_to_use_it_and_to_make_it_again(teacher_run):
    description = read_description(teacher_run / "teacher.onnx")
    assert description.labels == ("blue", "green", "red")
    assert description.preprocessing.crop == (16, 16)
    assert description.widths == (8, 16, 16)
    assert description.provenance["recipe"] == "convolutional_teacher"
    assert description.provenance["images_seen"] == 120
    assert description.provenance["config"]["seed"] == 0


def test_the_graph_gives_the_logits_of_the_weights(teacher_run):
    model, _ = load_convolutional_teacher(teacher_run)
    images = np.random.default_rng(0).standard_normal((5, 3, 16, 16), np.float32)
    session = onnxruntime.InferenceSession(teacher_run / "teacher.onnx")
    (logits,) = session.run(["logits"], {"pixel_values": images})
    with torch.inference_mode():
        expected = model(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(logits, expected, atol=1e-5)


class Killed(Exception):
    """Stands for a kill in the middle of an epoch."""


def test_killed_in_the_middle_of_an_epoch_it_resumes_to_the_same_weights(
    shapes, tmp_path, monkeypatch
):
    monkeypatch.setattr("model.teacher_training.export_teacher", lambda run: run)
    whole = tiny_teacher(shapes, tmp_path / "whole", bf16=True)
    killed = tiny_teacher(shapes, tmp_path / "killed", bf16=True, checkpoint_steps=3)
    whole = whole.model_copy(update={"checkpoint_steps": 3})
    step = ConvolutionalLearner.step

    def killed_at_8(learner, images, targets, progress, steps):
        if steps == 9:
            raise Killed
        return step(learner, images, targets, progress, steps)

    with monkeypatch.context() as patched:
        patched.setattr(ConvolutionalLearner, "step", killed_at_8)
        with pytest.raises(Killed):
            train_teacher(killed)
    assert load_state(killed.run)[1].step == 6
    weights = [
        load_file(train_teacher(config) / "teacher.safetensors") for config in (whole, killed)
    ]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    histories = [load_state(config.run)[1].history for config in (whole, killed)]
    assert [row["loss"] for row in histories[0]] == [row["loss"] for row in histories[1]]


def test_a_finished_training_is_left_as_it_is(teacher_run, teacher_config):
    before = (teacher_run / "teacher.onnx").stat().st_mtime_ns
    assert train_teacher(teacher_config) == teacher_run
    assert (teacher_run / "teacher.onnx").stat().st_mtime_ns == before


def test_another_configuration_is_refused(teacher_run, teacher_config):
    with pytest.raises(InvalidInput, match=r"label_smoothing was 0.2 and is 0.1"):
        train_teacher(teacher_config.model_copy(update={"label_smoothing": 0.1}))


def test_every_image_is_mirrored_every_second_epoch(teacher_config, monkeypatch):
    training = TeacherTraining.__new__(TeacherTraining)
    training.config, training.train_images = teacher_config, range(1000)
    first, second, third = (training.mirrored(epoch) for epoch in range(3))
    assert torch.equal(first, ~second)
    assert torch.equal(first, third)
    assert 400 < int(first.sum()) < 600


def test_images_too_small_for_its_pools_are_refused(shapes, tmp_path):
    with pytest.raises(ValidationError, match="image_size"):
        tiny_teacher(shapes, tmp_path / "run", image_size=8)


def test_the_command_trains_and_says_what_to_do_next(shapes, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("model.teacher_training.export_teacher", lambda run: run)
    run = tmp_path / "run"
    config = tiny_teacher(shapes, run, epochs=1)
    flags = [f"--{name.replace('_', '-')}" for name in ("image_size", "batch_size", "epochs")]
    values = [str(value) for value in (config.image_size, config.batch_size, config.epochs)]
    chosen = [part for pair in zip(flags, values, strict=True) for part in pair]
    widths = json.dumps(config.widths)
    main(["train-teacher", "--data", str(shapes), "--run", str(run), "--widths", widths, *chosen])
    assert f"train --teacher {run} --distillation soft" in capsys.readouterr().out
    assert (run / "teacher.safetensors").is_file()
