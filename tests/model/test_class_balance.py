"""Small classes are told from large ones, weighed up or shown as often."""

from __future__ import annotations

import pytest
import torch

from model.class_balance import (
    balanced_order,
    class_counts,
    class_weights,
    is_imbalanced,
    named_counts,
)

TARGETS = torch.tensor([0] * 60 + [1] * 30 + [2] * 6)


def test_counts_are_given_for_every_class_even_an_empty_one():
    assert class_counts(torch.tensor([2, 0, 2]), 4).tolist() == [1, 0, 2, 0]


def test_counts_are_named_part_by_part():
    parts = {"train": torch.tensor([0, 1, 1]), "validation": torch.tensor([0])}
    assert named_counts(parts, ("ant", "bee")) == {
        "train": {"ant": 1, "bee": 2},
        "validation": {"ant": 1, "bee": 0},
    }


@pytest.mark.parametrize(("counts", "verdict"), [([100, 80], False), ([100, 50], True)])
def test_classes_are_unequal_from_one_and_a_half_on(counts, verdict):
    assert is_imbalanced(torch.tensor(counts)) is verdict


def test_the_mean_weight_over_the_pictures_is_one():
    weights = class_weights(class_counts(TARGETS, 3))
    assert weights[TARGETS].mean().item() == pytest.approx(1, abs=1e-6)


def test_small_classes_weigh_by_inverse_frequency_and_large_ones_hardly_differ():
    small = class_weights(torch.tensor([10, 20]))
    assert (small[0] / small[1]).item() == pytest.approx(2, rel=0.02)
    large = class_weights(torch.tensor([10_000, 20_000]))
    assert (large[0] / large[1]).item() == pytest.approx(1, rel=0.001)


def test_equal_classes_weigh_one():
    assert torch.allclose(class_weights(torch.tensor([50, 50, 50])), torch.ones(3))


def test_an_epoch_shows_all_classes_alike():
    order = balanced_order(TARGETS, 3, seed=0, epoch=0)
    assert torch.bincount(TARGETS[order]).tolist() == [32, 32, 32]


def test_no_picture_is_shown_again_before_all_of_its_class_were():
    order = balanced_order(TARGETS, 3, seed=0, epoch=0)
    times = torch.bincount(order, minlength=len(TARGETS))
    for number in range(3):
        of_class = times[number == TARGETS]
        assert of_class.max() - of_class.min() <= 1


def test_what_does_not_divide_goes_to_other_classes_in_other_epochs():
    targets = TARGETS[:95]  # 32 for two classes and 31 for one
    shares = [
        tuple(torch.bincount(targets[balanced_order(targets, 3, 0, epoch)]).tolist())
        for epoch in range(12)
    ]
    assert {sum(share) for share in shares} == {95}
    assert {max(share) - min(share) for share in shares} == {1}
    assert len(set(shares)) == 3


def test_the_order_is_a_function_of_seed_and_epoch_alone():
    again = balanced_order(TARGETS, 3, seed=4, epoch=2)
    torch.manual_seed(99)
    assert torch.equal(balanced_order(TARGETS, 3, seed=4, epoch=2), again)
    assert not torch.equal(balanced_order(TARGETS, 3, seed=4, epoch=3), again)
    assert not torch.equal(balanced_order(TARGETS, 3, seed=5, epoch=2), again)
