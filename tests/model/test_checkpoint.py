"""A run folder gives its model back, and a write that is cut short leaves the last complete one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from model.checkpoint import (
    is_recorded,
    load_checkpoint,
    save_checkpoint,
    write_atomically,
)
from model.config import VisionTransformerConfig
from model.initialization import initialize
from model.position import Position, check_resumable, load_state, save_state
from model.vit import VisionTransformer
from service.contract import Preprocessing
from service.errors import InvalidInput
from tests.model.vits import small_vit

SHAPE = VisionTransformerConfig(image_size=(16, 16), width=24, depth=2, heads=2, classes=3)
PREPROCESSING = {
    "resize": "shortest_edge",
    "size": [16, 16],
    "crop": [16, 16],
    "interpolation": "bicubic",
    "rescale": 1 / 255,
    "mean": [0.5, 0.5, 0.5],
    "std": [0.25, 0.25, 0.25],
}


@pytest.fixture
def model() -> VisionTransformer:
    torch.manual_seed(0)
    model = VisionTransformer(SHAPE)
    initialize(model, "mimetic")
    return model


@pytest.fixture
def run(model, tmp_path) -> Path:
    folder = tmp_path / "run"
    labels = ("blue", "green", "red")
    save_checkpoint(folder, model.state_dict(), SHAPE, labels, PREPROCESSING, {"seed": 3})
    return folder


def test_a_checkpoint_gives_back_what_was_saved(run, model):
    checkpoint = load_checkpoint(run)
    images = torch.randn(2, 3, 16, 16)
    assert torch.equal(checkpoint.model(images), model.eval()(images))
    assert not checkpoint.model.training
    assert checkpoint.labels == ("blue", "green", "red")
    assert checkpoint.provenance == {"seed": 3}
    assert Preprocessing.model_validate(checkpoint.preprocessing).crop == (16, 16)


def test_the_record_is_json_with_a_schema_version(run):
    record = json.loads((run / "checkpoint.json").read_text())
    assert list(record) == ["schema_version", "model", "labels", "preprocessing", "provenance"]
    assert record["schema_version"] == 1
    assert VisionTransformerConfig.from_dict(record["model"]) == SHAPE


def test_a_folder_without_a_checkpoint_is_named(tmp_path):
    with pytest.raises(InvalidInput, match=r"holds no checkpoint.json; give the run folder"):
        load_checkpoint(tmp_path)


def test_another_schema_is_refused(run):
    record = json.loads((run / "checkpoint.json").read_text())
    (run / "checkpoint.json").write_text(json.dumps(record | {"schema_version": 2}))
    with pytest.raises(InvalidInput, match="schema_version 2; this version reads 1"):
        load_checkpoint(run)


def test_a_write_cut_short_leaves_the_last_complete_file(tmp_path):
    path = tmp_path / "file"
    write_atomically(path, b"complete")
    (tmp_path / ".file.partial").write_bytes(b"com")  # what a kill in the middle leaves
    assert path.read_bytes() == b"complete"
    write_atomically(path, b"newer")
    assert path.read_bytes() == b"newer"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_write_that_fails_leaves_the_last_complete_file(tmp_path):
    path = tmp_path / "file"
    write_atomically(path, b"complete")
    with pytest.raises(TypeError):
        write_atomically(path, "text, which is no bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"complete"


# the state


def test_a_run_folder_without_a_state_has_none(tmp_path):
    assert load_state(tmp_path) is None


def test_the_state_holds_tensors_and_position_of_one_step(tmp_path, tiny_config):
    config = tiny_config().model_dump(mode="json")
    position = Position(config, ["a", "b"], 10, step=7, history=[{"epoch": 1.0, "loss": 0.5}])
    tensors = {"model/weight": torch.randn(3), "optimizer/weight/step": torch.tensor(7.0)}
    save_state(tmp_path, tensors, position)
    state = load_state(tmp_path)
    assert state is not None
    assert state[1] == position
    assert all(torch.equal(state[0][name], tensors[name]) for name in tensors)
    assert state[0]["optimizer/weight/step"].shape == ()


def position_of(config, labels=("a", "b"), images=10) -> Position:
    return Position(config.model_dump(mode="json"), list(labels), images)


def test_the_same_training_in_another_folder_may_resume(tmp_path, tiny_config):
    moved = tiny_config(run=tmp_path / "elsewhere")
    check_resumable(tmp_path, position_of(tiny_config()), position_of(moved))


def test_a_field_that_came_later_counts_as_its_default(tmp_path, tiny_config):
    before = position_of(tiny_config())
    del before.config["erasing"]
    check_resumable(tmp_path, before, position_of(tiny_config()))


def test_another_training_is_refused_with_every_difference(tmp_path, tiny_config):
    before = position_of(tiny_config())
    now = position_of(tiny_config(seed=5, width=48), labels=("a", "c"), images=11)
    with pytest.raises(InvalidInput) as caught:
        check_resumable(tmp_path, before, now)
    for difference in (
        "seed was 0 and is 5",
        "width was 24 and is 48",
        "labels were ['a', 'b'] and are ['a', 'c']",
        "there were 10 training images and are 11",
        "choose another run folder",
    ):
        assert difference in caught.value.detail


def test_a_record_tells_how_far_the_training_was(tmp_path):
    model = small_vit()
    assert not is_recorded(tmp_path, 100)
    save_checkpoint(tmp_path, model.state_dict(), model.config, ("a",), {}, {"images_seen": 100})
    assert is_recorded(tmp_path, 100)
    assert not is_recorded(tmp_path, 200)
