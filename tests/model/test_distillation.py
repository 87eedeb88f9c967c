"""The losses of distillation, the token's two heads, and trainings that follow a teacher."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from model.checkpoint import load_checkpoint
from model.config import VisionTransformerConfig
from model.distillation import TwoHeads, distilled, hard_loss, soft_loss
from model.export import export_bundle
from model.initialization import initialize
from model.learner import Learner
from model.position import load_state
from model.train import train
from model.vit import VisionTransformer
from service.bundle import file_digest, read_bundle
from service.errors import InvalidInput
from service.record import TaughtBy
from tests.model.teachers import write_mean_classifier
from tests.model.trainings import assert_same, environment, tiny_training, torchrun, weights
from tests.untraced import untraced_exporter


@pytest.fixture
def logits() -> tuple[torch.Tensor, torch.Tensor]:
    """What a student and a teacher answer to four images of three classes."""
    torch.manual_seed(0)
    return torch.randn(4, 3), 2 * torch.randn(4, 3)


# losses


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_the_soft_loss_is_the_divergence_from_the_teachers_probabilities(logits, temperature):
    student, teacher = ((one / temperature).softmax(1).double().numpy() for one in logits)
    expected = (teacher * np.log(teacher / student)).sum(axis=1).mean() * temperature**2
    assert float(soft_loss(*logits, temperature)) == pytest.approx(expected, abs=1e-5)


def test_the_soft_loss_is_zero_where_both_agree(logits):
    assert float(soft_loss(logits[0], logits[0] + 5, 2.0)) == pytest.approx(0, abs=1e-6)


def test_the_hard_loss_takes_the_teachers_decision_as_the_truth(logits):
    student, teacher = logits
    picked = [-student[row].log_softmax(0)[teacher[row].argmax()] for row in range(4)]
    assert float(hard_loss(student, teacher)) == pytest.approx(float(sum(picked) / 4))


@pytest.mark.parametrize("kind", ["soft", "hard"])
def test_the_weight_shares_the_loss_between_truth_and_teacher(tiny_config, logits, kind):
    config = tiny_config(
        teacher="t", distillation=kind, distillation_weight=0.3, distillation_temperature=2
    )
    teaching = soft_loss(*logits, 2) if kind == "soft" else hard_loss(*logits)
    whole = distilled(torch.tensor(1.5), *logits, config)
    assert float(whole) == pytest.approx(0.7 * 1.5 + 0.3 * float(teaching))


# the token


@pytest.fixture
def student() -> VisionTransformer:
    """A model whose first register is the distillation token."""
    shape = VisionTransformerConfig(
        image_size=(16, 16), width=24, depth=2, heads=2, classes=3, registers=2,
        pooling="class_and_distillation_token",
    )  # fmt: skip
    torch.manual_seed(0)
    model = VisionTransformer(shape)
    initialize(model, "truncated_normal")
    torch.nn.init.normal_(model.head.weight, std=0.1)  # it starts as zeros
    return model.eval()


def test_inference_gives_the_mean_of_both_heads(student):
    images = torch.randn(4, 3, 16, 16)
    of_class, of_distillation = TwoHeads(student)(images)
    assert not torch.allclose(of_class, of_distillation, atol=1e-3)
    assert torch.allclose((of_class + of_distillation) / 2, student(images), atol=1e-6)


def test_each_head_reads_its_own_token(student):
    of_class, of_distillation = TwoHeads(student)(torch.randn(4, 3, 16, 16))
    for loss, other in ((of_class, slice(24, 48)), (of_distillation, slice(0, 24))):
        (gradient,) = torch.autograd.grad(loss.sum(), student.head.weight)
        assert not gradient[:, other].any()
        assert gradient.any()


# training


TEACHINGS = [
    {"distillation": "soft", "distillation_temperature": 3.0},
    {"distillation": "hard"},
    {"distillation": "hard", "distillation_token": True, "registers": 1},
]


@pytest.mark.parametrize("changes", TEACHINGS)
def test_a_student_learns_from_a_teacher_alone(tiny_config, teacher_run, changes):
    """Every weight is the teacher's: the labels of the pictures are not used."""
    config = tiny_config(
        teacher=str(teacher_run), distillation_weight=1.0, epochs=12, learning_rate=3e-3, **changes
    )
    history = load_checkpoint(train(config)).provenance["history"]
    assert history[-1]["loss"] < 0.5 * history[0]["loss"]
    if "distillation_token" not in changes:  # its class token has learnt nothing
        assert history[-1]["validation_accuracy"] >= 0.9


@pytest.fixture(scope="module")
def token_run(teacher_config, teacher_run, tmp_path_factory) -> Path:
    """The run of a student with a distillation token and one more register, trained."""
    config = tiny_training(
        teacher_config.data,
        tmp_path_factory.mktemp("token"),
        teacher=str(teacher_run),
        epochs=12,
        learning_rate=3e-3,
        **TEACHINGS[2],
    )
    return train(config)


def test_a_student_with_the_token_learns_with_both_heads(token_run):
    checkpoint = load_checkpoint(token_run)
    assert checkpoint.model.config.pooling == "class_and_distillation_token"
    assert checkpoint.model.config.registers == 2
    assert checkpoint.provenance["history"][-1]["validation_accuracy"] >= 0.9


def test_its_bundle_and_card_tell_of_the_teacher(token_run, teacher_run, tmp_path):
    with untraced_exporter():
        folder = export_bundle(load_checkpoint(token_run), tmp_path, "taught", "1")
    contract = read_bundle(folder).contract
    assert contract.architecture.pooling == "class_and_distillation_token"
    digest = file_digest(teacher_run / "teacher.safetensors")
    assert contract.provenance.taught_by == TaughtBy(
        name="run", digest=digest, distillation="hard", weight=0.5, token=True
    )
    card = (folder / "README.md").read_text()
    assert "| Taught by | run, hard distillation, through a distillation token: 50% of the" in card


def test_a_graph_teaches_what_its_weights_teach(tiny_config, teacher_run, tmp_path):
    losses = []
    for teacher in (teacher_run, teacher_run / "teacher.onnx"):
        config = tiny_config(
            teacher=str(teacher), distillation="soft", run=tmp_path / teacher.name, mixup=0.2
        )
        losses.append([row["loss"] for row in load_state(train(config))[1].history])
    assert losses[0] == pytest.approx(losses[1], abs=1e-3)


class Killed(Exception):
    """Stands for a kill in the middle of an epoch."""


def test_killed_in_the_middle_of_an_epoch_it_resumes_to_the_same_weights(
    tiny_config, teacher_run, tmp_path, monkeypatch
):
    changes = {**TEACHINGS[2], "teacher": str(teacher_run), "mixup": 0.2, "checkpoint_steps": 3}
    whole = tiny_config(run=tmp_path / "whole", **changes)
    killed = tiny_config(run=tmp_path / "killed", **changes)
    step = Learner.step

    def killed_at_8(learner, images, targets, progress, steps, taught):
        if steps == 9:
            raise Killed
        return step(learner, images, targets, progress, steps, taught)

    with monkeypatch.context() as patched:
        patched.setattr(Learner, "step", killed_at_8)
        with pytest.raises(Killed):
            train(killed)
    assert load_state(killed.run)[1].step == 6
    assert_same(weights(train(whole)), weights(train(killed)))


def test_a_run_that_followed_another_teacher_is_not_gone_on_with(
    tiny_config, shapes, teacher_run, tmp_path
):
    changes = {"distillation": "hard", "epochs": 1}
    train(tiny_config(teacher=str(teacher_run), **changes))
    classifier = write_mean_classifier(tmp_path / "means.onnx")
    own = {
        "teacher_labels": ("blue", "green", "red"),
        "teacher_size": 8,
        "teacher_mean": (0.5,) * 3,
        "teacher_std": (0.25,) * 3,
    }
    with pytest.raises(InvalidInput, match=r"teacher was run sha256:\w+ and is means.onnx"):
        train(tiny_config(teacher=str(classifier), **own, **changes))


def test_a_teacher_that_moved_is_the_same_teacher(tiny_config, teacher_run, tmp_path):
    changes = {"distillation": "hard", "epochs": 1}
    run = train(tiny_config(teacher=str(teacher_run), **changes))
    moved = tmp_path / "elsewhere"
    moved.symlink_to(teacher_run)
    before = (run / "checkpoint.json").read_bytes()
    train(tiny_config(teacher=str(moved), **changes))
    assert (run / "checkpoint.json").read_bytes() == before


def test_two_processes_learn_from_a_teacher_what_one_learns(tiny_config, teacher_run, tmp_path):
    losses = []
    for launcher in ((sys.executable,), torchrun(2)):
        name = f"of-{len(launcher)}"
        config = tiny_config(
            run=tmp_path / name, teacher=str(teacher_run), epochs=4, mixup=0.2, **TEACHINGS[2]
        )
        output = tmp_path / f"{name}.json"
        told = [*launcher, "-m", "tests.model.losses", config.model_dump_json(), str(output)]
        done = subprocess.run(told, env=environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        losses.append(json.loads(output.read_text()))
    assert len(losses[0]) == 20
    assert losses[1] == pytest.approx(losses[0], abs=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"distillation": "soft"}, "distillation soft needs a teacher"),
        ({"teacher": "t"}, "teacher t is set and distillation is none"),
        ({"distillation_token": True}, "distillation_token needs a teacher"),
        (
            {"teacher": "t", "distillation": "hard", "distillation_token": True, "pooling": "mean"},
            "pooling is mean",
        ),
        ({"teacher": "t", "distillation": "soft", "distillation_weight": 0.0}, "distillation_w"),
        (
            {"teacher": "t", "distillation": "hard", "distillation_token": True, "init": "i"},
            "leave distillation_token out",
        ),
    ],
)
def test_a_distillation_that_does_not_fit_together_is_refused(tiny_config, changes, message):
    with pytest.raises(ValidationError, match=message):
        tiny_config(**changes)
