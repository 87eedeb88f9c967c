"""Models of the usual sizes with random weights."""

from __future__ import annotations

import pytest
import torch

from model.random_bundle import SIZES, random_checkpoint
from service.contract import Preprocessing


@pytest.fixture(scope="module")
def tiny():
    return random_checkpoint("Ti")


def test_it_has_the_shape_that_its_name_stands_for(tiny):
    config = tiny.model.config
    assert (config.depth, config.width, config.heads) == SIZES["Ti"]
    assert (config.patches, config.classes, len(tiny.labels)) == (196, 1000, 1000)
    parameters = sum(parameter.numel() for parameter in tiny.model.parameters())
    assert parameters == pytest.approx(5.7e6, rel=0.01)  # as the paper of its name tells


def test_its_classes_can_be_told_apart(tiny):
    logits = tiny.model(torch.randn(2, 3, 224, 224, generator=torch.manual_seed(1)))
    assert logits.isfinite().all()
    assert logits.std(dim=1).min() > 0.1


def test_the_same_seed_draws_the_same_weights(tiny):
    again, other = random_checkpoint("Ti").model, random_checkpoint("Ti", seed=1).model
    assert torch.equal(tiny.model.head.weight, again.head.weight)
    assert not torch.equal(tiny.model.head.weight, other.head.weight)


def test_its_preprocessing_is_one_that_a_contract_accepts(tiny):
    rules = Preprocessing.model_validate(tiny.preprocessing)
    assert rules.crop == (224, 224)
    assert tiny.provenance["command"] == "vitrine-model random Ti --seed 0"
