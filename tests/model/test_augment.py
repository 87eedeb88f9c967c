"""Augmentation changes pictures, keeps their shape, and is fixed by a seed."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model.augment import Augmentation, cutmix, mixup, random_flip, random_shift, span

EVERYTHING = {"flip": True, "shift": 3, "erasing": 0.5}


@pytest.fixture
def images() -> torch.Tensor:
    torch.manual_seed(0)
    return torch.rand(16, 3, 16, 16)


@pytest.mark.parametrize("policy", ["none", "rand_augment", "trivial_augment"])
def test_changes_keep_shape_and_range(images, policy):
    changed = Augmentation(**EVERYTHING, policy=policy).change(images)
    assert changed.shape == images.shape
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert not torch.equal(changed, images)


@pytest.mark.parametrize("policy", ["none", "rand_augment", "trivial_augment"])
def test_changes_are_fixed_by_the_seed(images, policy):
    augmentation = Augmentation(**EVERYTHING, policy=policy)
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(augmentation.change(images))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_nothing_asked_changes_nothing(images):
    augmentation = Augmentation(flip=False)
    assert torch.equal(augmentation.change(images), images)
    targets = torch.arange(16)
    mixed, mixed_targets = augmentation.mix(images, targets, 16)
    assert torch.equal(mixed, images)
    assert torch.equal(mixed_targets, targets)


def test_a_flip_mirrors_about_half_of_the_images(images):
    flipped = random_flip(images.repeat(16, 1, 1, 1))
    mirrored = (flipped == images.repeat(16, 1, 1, 1).flip(3)).flatten(1).all(dim=1)
    kept = (flipped == images.repeat(16, 1, 1, 1)).flatten(1).all(dim=1)
    assert torch.all(mirrored ^ kept)
    assert 90 < mirrored.sum() < 166


def test_a_shift_moves_each_image_as_a_whole_within_its_reach():
    image = torch.zeros(64, 1, 9, 9)
    image[:, :, 4, 4] = 1
    shifted = random_shift(image, 2)
    rows, columns = shifted.flatten(2).argmax(dim=2).flatten() // 9, shifted.argmax(dim=3)
    assert torch.all(shifted.flatten(1).sum(dim=1) == 1)
    assert set(rows.tolist()) == {2, 3, 4, 5, 6}
    assert columns.max() <= 6


@pytest.mark.parametrize("alphas", [{"mixup": 0.8}, {"cutmix": 1.0}, {"mixup": 0.8, "cutmix": 1.0}])
def test_mixed_targets_are_probabilities(images, alphas):
    targets = torch.arange(16) % 4
    augmentation = Augmentation(**alphas)
    for seed in range(4):
        torch.manual_seed(seed)
        mixed, probabilities = augmentation.mix(images, targets, 4)
        assert mixed.shape == images.shape
        assert probabilities.shape == (16, 4)
        assert torch.allclose(probabilities.sum(dim=1), torch.ones(16))
        assert probabilities.min() >= 0


def test_mixup_and_cutmix_take_turns(images):
    augmentation = Augmentation(mixup=0.8, cutmix=1.0)
    untouched = set()
    for seed in range(20):
        torch.manual_seed(seed)
        mixed, _ = augmentation.mix(images, torch.arange(16), 16)
        untouched.add(bool((mixed == images).any()))
    assert untouched == {True, False}


def test_mixup_blends_images_and_targets_by_the_same_share(images):
    targets = torch.eye(16)
    mixed, blended = mixup(images, targets, 0.75)
    assert torch.allclose(mixed[1], 0.75 * images[1] + 0.25 * images[0])
    assert blended[1, 1] == 0.75
    assert blended[1, 0] == 0.25


@given(st.floats(0, 1), st.integers(0, 100))
def test_cutmix_blends_the_targets_by_the_area_really_pasted(share, seed):
    torch.manual_seed(seed)
    images = torch.stack([torch.zeros(1, 8, 12), torch.ones(1, 8, 12)])
    mixed, blended = cutmix(images, torch.eye(2), share)
    assert mixed[0].mean().item() == pytest.approx(blended[0, 1].item(), abs=1e-6)
    assert mixed[1].mean().item() == pytest.approx(blended[1, 1].item(), abs=1e-6)


@given(st.integers(1, 64), st.floats(0, 1), st.integers(0, 100))
def test_a_span_stays_inside(length, share, seed):
    torch.manual_seed(seed)
    begin, end = span(length, share)
    assert 0 <= begin <= end <= length
