"""Validation counts what is recognised of each class."""

from __future__ import annotations

import math

import pytest
import torch
from accelerate import Accelerator
from torch import nn

from model.images import DecodedImages
from model.validation import Validation, validate


def test_classes_of_unequal_size_count_alike_in_the_balanced_accuracy():
    measured = Validation(loss=1.0, recognised=(90, 2), counts=(100, 10))
    assert measured.accuracy == pytest.approx(92 / 110)
    assert measured.balanced_accuracy == pytest.approx((0.9 + 0.2) / 2)


def test_a_class_without_pictures_does_not_count():
    assert Validation(1.0, (3, 0, 4), (4, 0, 4)).balanced_accuracy == pytest.approx(0.875)


def test_a_row_tells_what_was_recognised_of_each_label():
    assert Validation(1.0, (3, 1), (4, 2)).by_class(("ant", "bee")) == {
        "balanced_accuracy": 0.625,
        "recognised/ant": 3,
        "recognised/bee": 1,
    }


def test_logits_are_compared_with_the_targets():
    images = DecodedImages(torch.eye(3)[[0, 1, 2, 2]], torch.tensor([0, 1, 1, 2]))
    accelerator = Accelerator(cpu=True)
    measured = validate(nn.Identity(), images, lambda batch: 10 * batch, 3, accelerator)
    assert (measured.recognised, measured.counts) == ((1, 1, 1), (1, 2, 1))
    right = math.log(1 + 2 * math.exp(-10))
    assert measured.loss == pytest.approx((4 * right + 10) / 4, abs=1e-5)
    assert measured.record() == {
        "validation_accuracy": 0.75,
        "balanced_accuracy": pytest.approx(2.5 / 3),
        "validation_loss": measured.loss,
    }
