"""Recipes are trainings that fit together and say what to expect."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from model.checkpoint import load_checkpoint
from model.recipes import (
    RECIPES,
    cifar10_cpu,
    cifar10_cpu_distilled,
    cifar10_gpu,
    small_folder,
)
from model.teacher_config import TeacherConfig
from model.train import train
from model.training_config import TrainingConfig
from model.vit import VisionTransformer

recipes = pytest.mark.parametrize("name", list(RECIPES))


@recipes
def test_a_recipe_is_found_by_its_name(name):
    recipe = RECIPES[name]
    assert recipe.__name__ == name
    assert recipe("pictures").recipe == name


@recipes
def test_a_recipe_trains_on_the_data_and_into_the_folder_it_is_given(name, tmp_path):
    config = RECIPES[name]("pictures", tmp_path)
    assert config.data == ("pictures",)
    assert config.run == tmp_path


def test_a_recipe_takes_several_sources():
    assert cifar10_cpu(["a.zip", "b.zip"]).data == ("a.zip", "b.zip")


def test_the_defaults_are_the_recipe_for_your_own_folder():
    assert small_folder("x", "runs/default") == TrainingConfig(data=("x",))


@recipes
def test_a_recipe_says_its_command_time_and_accuracy(name):
    text = RECIPES[name].__doc__ or ""
    assert f"vitrine-model train --recipe {name} --data" in text
    assert "Time:" in text
    assert "Accuracy:" in text


@recipes
def test_a_recipe_ends_with_few_patches_dropped(name):
    assert RECIPES[name]("pictures").patch_drop_at(1.0) <= 0.1


@pytest.mark.parametrize("recipe", [cifar10_cpu, cifar10_cpu_distilled, cifar10_gpu])
def test_the_models_for_cifar10_have_at_most_six_million_parameters(recipe):
    with torch.device("meta"):
        model = VisionTransformer(recipe("cifar10").model_shape(classes=10))
    assert sum(parameter.numel() for parameter in model.parameters()) <= 6_000_000


def test_a_folder_of_pictures_trains_by_recipe(shapes: Path, tmp_path: Path):
    config = small_folder(str(shapes), tmp_path / "run")
    quick = config.model_copy(update={"width": 24, "depth": 2, "budget_minutes": 0.01})
    checkpoint = load_checkpoint(train(quick.model_copy(update={"device": "cpu"})))
    assert checkpoint.labels == ("blue", "green", "red")
    assert checkpoint.provenance["recipe"] == "small_folder"


def test_the_distilled_recipe_follows_the_teacher_that_train_teacher_leaves():
    assert cifar10_cpu_distilled("x").teacher == str(TeacherConfig(data=("x",)).run)


def test_patch_dropping_follows_its_phases():
    config = cifar10_cpu("cifar10")
    shares = [config.patch_drop_at(progress) for progress in (0.0, 0.34, 0.35, 0.7, 0.9, 1.0)]
    assert shares == [0.75, 0.75, 0.6, 0.6, 0.4, 0.0]
    assert small_folder("x").model_copy(update={"patch_drop": ()}).patch_drop_at(0.5) == 0
