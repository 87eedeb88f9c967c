"""What nobody said is chosen by how many pictures a class has; what was said stays."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import pytest

from model.data import TrainingData, read_training_data
from model.fine_tuning import resolved, sized
from model.initial_model import read_initial_model
from model.recipes import finetune
from model.training_config import TrainingConfig
from service.errors import InvalidInput


def tuned(per_class: int, classes: int = 10, **given: object) -> TrainingConfig:
    values = {"data": ("x",), "init": "pets", "recipe": "finetune", "image_size": 32, **given}
    counts = Counter({str(number): per_class for number in range(classes)})
    return sized(TrainingConfig.model_validate(values), counts)


@pytest.fixture
def data(shapes: Path) -> TrainingData:
    return read_training_data([str(shapes)], 0.05, 0, 2**30)


def test_the_more_pictures_the_more_is_changed():
    configs = [tuned(per_class) for per_class in (20, 21, 201, 2_001)]
    assert [each.layer_decay for each in configs] == [0.65, 0.7, 0.75, 0.8]
    assert [each.batch_size for each in configs] == [32, 64, 128, 256]
    assert [each.policy for each in configs] == ["none", *["trivial_augment"] * 3]
    assert [each.mixup for each in configs] == [0.0, 0.0, 0.1, 0.8]
    assert [each.patch_drop_at(0.5) for each in configs] == [0.0, 0.0, 0.25, 0.5]
    assert {each.patch_drop_at(1.0) for each in configs} == {0.0}


def test_the_optimizer_is_the_one_that_trained_the_model(data, pets_run):
    pets = read_initial_model(str(pets_run))
    for known, taken in (("muon", "muon"), ("adamw", "adamw"), (None, "adamw")):
        config = finetune("x").model_copy(update={"init": str(pets_run)})
        found = resolved(config, dataclasses.replace(pets, optimizer=known), data)
        assert (found.optimizer, found.muon_learning_rate) == (taken, 0.01)


def test_the_learning_rate_follows_the_batch():
    assert tuned(5_000).learning_rate == 1e-3
    assert tuned(5_000, batch_size=512).learning_rate == 2e-3
    assert tuned(10).learning_rate == pytest.approx(1e-3 / 8)


@pytest.mark.parametrize(
    ("per_class", "epochs"),
    [(307, 84), (5_000, 30), (100, 100), (4, 500)],  # (4: one step an epoch)
)
def test_it_sees_a_quarter_of_a_million_images_within_bounds(per_class, epochs):
    assert tuned(per_class).epochs == epochs


def test_the_average_is_over_a_twentieth_of_the_steps():
    config = tuned(307)
    steps = config.epochs * (3070 // config.batch_size)
    assert 1 / (1 - config.ema_decay) == pytest.approx(steps / 20, rel=0.01)


def test_patience_is_a_fifth_of_the_epochs():
    assert tuned(307).patience == 84 // 5
    assert tuned(307, epochs=10).patience == 5
    assert tuned(307, patience=3).patience == 3


def test_what_was_said_stays_even_where_it_is_the_usual_default():
    config = tuned(307, policy="none", layer_decay=1.0, epochs=3, patience=None, optimizer="muon")
    assert (config.policy, config.layer_decay, config.epochs) == ("none", 1.0, 3)
    assert (config.patience, config.optimizer) == (None, "muon")
    assert config.mixup == 0.1


def test_a_frozen_backbone_sees_the_pictures_as_they_are():
    config = tuned(307, freeze="backbone")
    assert config.probes
    assert (config.weight_decay, config.layer_decay, config.epochs) == (0.0, 1.0, 90)
    assert not tuned(307, freeze="backbone", flip=True).probes


# resolving against a model and data


def test_the_shift_is_an_eighth_of_the_models_images(data, pets_run):
    config = finetune("x").model_copy(update={"init": str(pets_run)})
    found = resolved(config, read_initial_model(str(pets_run)), data)
    assert (found.image_size, found.shift, found.batch_size) == (32, 4, 64)
    assert TrainingConfig.model_validate(found.model_dump()) == found


def test_another_recipe_keeps_its_own_values(data, pets_run):
    config = TrainingConfig(data=("x",), init=str(pets_run), epochs=7)
    found = resolved(config, read_initial_model(str(pets_run)), data)
    assert (found.epochs, found.optimizer, found.width) == (7, "muon", 64)


def test_the_recipe_without_a_model_is_refused(data):
    with pytest.raises(InvalidInput, match="recipe finetune starts from a model; set init"):
        resolved(finetune("x"), None, data)


def test_without_a_model_nothing_changes(data, tiny_config):
    config = tiny_config()
    assert resolved(config, None, data) is config
