"""A teacher sees what the student sees, in its own levels and size, and answers in its classes."""

from __future__ import annotations

import json

import pytest
import torch

from model.accelerator import start_accelerator
from model.learner import Learner
from model.teacher import Teacher, read_teacher
from model.teacher_network import TeacherNetwork
from model.train import train
from service.contract import Preprocessing
from service.errors import InvalidInput
from tests.model.pets import LABELS
from tests.model.teachers import write_mean_classifier

CPU = torch.device("cpu")
LEVELS = {"teacher_mean": (0.5, 0.4, 0.3), "teacher_std": (0.25, 0.5, 0.2)}
OWN = {"teacher_labels": ("red", "green", "blue"), "teacher_size": 8, **LEVELS}


def preprocessing(side: int, **changes: object) -> Preprocessing:
    values = {"size": (side, side), "crop": (side, side), "mean": (0.1, 0.2, 0.3), "std": (1, 2, 4)}
    return Preprocessing.model_validate({**values, **changes})


def network(labels: tuple[str, ...], own: Preprocessing) -> TeacherNetwork:
    """Give a network that answers with the mean of each channel of its input."""
    return TeacherNetwork("means", "sha256:0", labels, own, lambda images: images.mean((2, 3)))


# what it sees, and in which order it answers


def test_it_gets_the_students_images_in_its_own_levels():
    levels = torch.rand(2, 3, 16, 16)
    student, own = preprocessing(16), preprocessing(16, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
    labels = ("red", "green", "blue")
    teacher = Teacher(network(labels, own), labels, student, CPU)
    inputs = (levels - torch.tensor(student.mean)[:, None, None]) / torch.tensor(student.std)[
        :, None, None
    ]
    expected = (levels.mean((2, 3)) - torch.tensor(own.mean)) / torch.tensor(own.std)
    assert torch.allclose(teacher.logits(inputs), expected, atol=1e-5)


def test_levels_of_a_network_that_was_trained_on_bytes_are_understood():
    labels = ("red", "green", "blue")
    own = preprocessing(16, rescale=1.0, mean=(127.5,) * 3, std=(255,) * 3)
    teacher = Teacher(network(labels, own), labels, preprocessing(16, mean=(0,) * 3), CPU)
    white = torch.tensor([1.0, 0.5, 0.25])[:, None, None].expand(1, 3, 16, 16)
    assert torch.allclose(teacher.logits(white), torch.full((1, 3), 0.5), atol=1e-6)


def test_images_are_resized_to_its_own_size():
    seen: list[torch.Tensor] = []
    own = preprocessing(8)
    labels = ("red", "green", "blue")
    watching = TeacherNetwork(
        "w", "sha256:0", labels, own, lambda images: seen.append(images) or images.mean((2, 3))
    )
    images = torch.rand(2, 3, 16, 16)
    Teacher(watching, labels, preprocessing(16), CPU).logits(images)
    assert seen[0].shape == (2, 3, 8, 8)
    assert torch.allclose(seen[0].mean((2, 3)), images.mean((2, 3)), atol=0.02)


def test_logits_come_in_the_order_of_the_students_labels():
    own = preprocessing(16)
    teacher = Teacher(network(("red", "green", "blue"), own), ("blue", "red"), own, CPU)
    images = torch.tensor([1.0, 2.0, 3.0])[:, None, None].expand(1, 3, 16, 16)
    assert teacher.logits(images).tolist() == [[3.0, 1.0]]


def test_labels_that_it_does_not_know_are_named():
    own = preprocessing(16)
    with pytest.raises(InvalidInput, match="does not know brown, pink; its labels are red, blue:"):
        Teacher(network(("red", "blue"), own), ("brown", "red", "pink"), own, CPU)


def test_of_many_labels_some_are_listed():
    labels = tuple(f"class {number}" for number in range(30))
    with pytest.raises(InvalidInput, match="class 19 and 10 more"):
        Teacher(network(labels, preprocessing(16)), ("red",), preprocessing(16), CPU)


def test_in_training_it_sees_the_changed_and_mixed_images_of_the_student(
    tiny_config, teacher_run, monkeypatch
):
    shown: dict[str, torch.Tensor] = {}
    logits = Teacher.logits

    def watched(teacher, inputs):
        shown["teacher"] = inputs.clone()
        return logits(teacher, inputs)

    monkeypatch.setattr(Teacher, "logits", watched)
    step = Learner.step

    def stepped(learner, images, *rest):
        assert torch.equal(images, shown["teacher"])
        shown["student"] = images
        return step(learner, images, *rest)

    monkeypatch.setattr(Learner, "step", stepped)
    train(tiny_config(teacher=str(teacher_run), distillation="soft", epochs=1, mixup=0.4))
    assert shown["student"].shape == (24, 3, 16, 16)


# where it comes from


def read(config, labels=("blue", "green", "red")) -> Teacher | None:
    accelerator = start_accelerator(config)
    return read_teacher(config, labels, preprocessing(16), CPU, accelerator.autocast)


def test_without_one_there_is_none(tiny_config):
    assert read(tiny_config()) is None


def test_a_bundle_teaches(tiny_config, pets_bundle):
    config = tiny_config(teacher=str(pets_bundle), distillation="soft")
    teacher = read(config, labels=LABELS[::-1])
    answers = teacher.logits(torch.zeros(2, 3, 16, 16))
    assert answers.shape == (2, len(LABELS))
    assert not answers.requires_grad


def test_the_run_of_a_vision_transformer_teaches(tiny_config, tmp_path):
    run = train(tiny_config(epochs=1))
    config = tiny_config(teacher=str(run), distillation="soft", run=tmp_path / "student")
    assert read(config).logits(torch.zeros(2, 3, 16, 16)).shape == (2, 3)


def test_any_onnx_classifier_teaches_with_what_flags_say_of_it(tiny_config, tmp_path):
    path = write_mean_classifier(tmp_path / "means.onnx")
    config = tiny_config(teacher=str(path), distillation="soft", **OWN)
    levels = torch.tensor([0.75, 0.9, 0.5])[:, None, None].expand(2, 3, 16, 16)
    student = preprocessing(16)
    inputs = (levels - torch.tensor(student.mean)[:, None, None]) / torch.tensor(student.std)[
        :, None, None
    ]
    answers = read(config).logits(inputs)  # blue, green, red
    assert answers[0].tolist() == pytest.approx([1.0, 1.0, 1.0], abs=1e-5)


def test_or_with_what_lies_beside_it(tiny_config, tmp_path):
    path = write_mean_classifier(tmp_path / "means.onnx")
    own = preprocessing(8).model_dump(mode="json")
    beside = {"labels": ["red", "green", "blue"], "preprocessing": own}
    (tmp_path / "means.json").write_text(json.dumps(beside))
    config = tiny_config(teacher=str(path), distillation="soft")
    assert read(config).logits(torch.ones(1, 3, 16, 16)).tolist() == [
        pytest.approx([1.0, 1.0, 1.0], abs=1e-5)
    ]
    flags = tiny_config(teacher=str(path), distillation="soft", teacher_std=(2, 4, 8))
    assert read(flags).logits(torch.ones(1, 3, 16, 16)).tolist() == [
        pytest.approx([0.5, 0.5, 0.5], abs=1e-5)
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "nothing does not exist; give a bundle"),
        ("nothing.onnx", "nothing.onnx does not exist"),
        ("notes.txt", "notes.txt is no ONNX file"),
        ("empty", "holds no checkpoint.json"),
    ],
)
def test_what_is_no_teacher_is_refused(tiny_config, tmp_path, name, message):
    (tmp_path / "notes.txt").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput, match=message):
        read(tiny_config(teacher=str(tmp_path / name), distillation="soft"))


def test_a_file_that_is_no_graph_is_refused(tiny_config, tmp_path):
    (tmp_path / "broken.onnx").write_bytes(b"no graph")
    config = tiny_config(teacher=str(tmp_path / "broken.onnx"), distillation="soft", **OWN)
    with pytest.raises(InvalidInput, match="is not a graph that onnxruntime runs"):
        read(config)


def test_what_an_onnx_classifier_does_not_say_must_be_set(tiny_config, tmp_path):
    path = write_mean_classifier(tmp_path / "means.onnx")
    config = tiny_config(teacher=str(path), distillation="soft", **LEVELS)
    with pytest.raises(InvalidInput, match="teacher_labels, teacher_size are not set"):
        read(config)


def test_a_description_that_is_wrong_is_refused_with_all_that_is_wrong(tiny_config, tmp_path):
    path = write_mean_classifier(tmp_path / "means.onnx")
    (tmp_path / "means.json").write_text('{"labels": ["red"], "sizes": 3}')
    with pytest.raises(InvalidInput, match=r"labels: .*; preprocessing: .*; sizes: "):
        read(tiny_config(teacher=str(path), distillation="soft"))


def test_flags_of_an_onnx_classifier_are_refused_for_others(tiny_config, teacher_run):
    config = tiny_config(teacher=str(teacher_run), distillation="soft", **LEVELS)
    with pytest.raises(InvalidInput, match=r"teacher_mean, teacher_std: teacher .* says that"):
        read(config)


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        ({"size": 32}, r"its input images is tensor\(float\) \['batch', 3, 32, 32\]; it must be"),
        ({"batch": 1}, r"export it with a free batch"),
        ({"classes": 5}, r"with shape \[2, 5\], and with its 3 labels it must be \[2, 3\]"),
    ],
)
def test_a_graph_that_does_not_fit_is_refused(tiny_config, tmp_path, graph, message):
    path = write_mean_classifier(tmp_path / "means.onnx", **graph)
    with pytest.raises(InvalidInput, match=message):
        read(tiny_config(teacher=str(path), distillation="soft", **OWN))
