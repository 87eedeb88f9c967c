"""Augmentation changes pictures, keeps their shape, and is fixed by the draws of a step."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model.augment import (
    Augmentation,
    cutmix,
    mixup,
    random_erasing,
    random_flip,
    random_shift,
    span,
)
from model.draws import Draws
from model.share import Share

EVERYTHING = {"flip": True, "shift": 3, "erasing": 0.5}


def draws(step: int = 0, images: int = 16, share: Share = Share()) -> Draws:  # noqa: B008
    return Draws(0, step, images, share)


@pytest.fixture
def images() -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randint(0, 256, (16, 3, 16, 16), dtype=torch.uint8)


@pytest.mark.parametrize("policy", ["none", "rand_augment", "trivial_augment"])
def test_changes_keep_shape_and_range(images, policy):
    changed = Augmentation(**EVERYTHING, policy=policy).change(images, draws())
    assert changed.shape == images.shape
    assert changed.dtype == torch.float32
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert not torch.equal(changed, images / 255)


@pytest.mark.parametrize("policy", ["none", "rand_augment", "trivial_augment"])
def test_changes_are_fixed_by_the_step(images, policy):
    augmentation = Augmentation(**EVERYTHING, policy=policy)
    one, again, other = (augmentation.change(images, draws(step)) for step in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_nothing_asked_changes_nothing(images):
    augmentation = Augmentation(flip=False)
    assert torch.equal(augmentation.change(images, draws()), images / 255)
    targets = torch.arange(16)
    mixed, mixed_targets = augmentation.mix(images, targets, 16, draws())
    assert torch.equal(mixed, images)
    assert torch.equal(mixed_targets, targets)


@pytest.mark.parametrize("policy", ["none", "rand_augment", "trivial_augment"])
@pytest.mark.parametrize("alphas", [{}, {"mixup": 0.8}, {"cutmix": 1.0}])
@pytest.mark.parametrize("processes", [2, 4, 8])
def test_shares_are_changed_and_mixed_as_the_whole_batch_is(images, policy, alphas, processes):
    augmentation = Augmentation(**EVERYTHING, policy=policy, **alphas)

    def augmented(share: Share) -> tuple[torch.Tensor, torch.Tensor]:
        drawn = draws(images=16, share=share)
        changed = augmentation.change(share.of(images), drawn)
        return augmentation.mix(changed, share.of(torch.arange(16)), 16, drawn)

    inputs, targets = augmented(Share())
    for process in range(processes):
        share = Share(process, processes)
        own_inputs, own_targets = augmented(share)
        assert torch.allclose(own_inputs, share.of(inputs), atol=1e-6)
        assert torch.equal(own_targets, share.of(targets))


def test_a_flip_mirrors_about_half_of_the_images(images):
    many = images.repeat(16, 1, 1, 1)
    flipped = random_flip(many, draws(images=256))
    mirrored = (flipped == many.flip(3)).flatten(1).all(dim=1)
    kept = (flipped == many).flatten(1).all(dim=1)
    assert torch.all(mirrored ^ kept)
    assert 90 < mirrored.sum() < 166


def test_a_shift_moves_each_image_as_a_whole_within_its_reach():
    image = torch.zeros(64, 1, 9, 9)
    image[:, :, 4, 4] = 1
    shifted = random_shift(image, 2, draws(images=64))
    rows, columns = shifted.flatten(2).argmax(dim=2).flatten() // 9, shifted.argmax(dim=3)
    assert torch.all(shifted.flatten(1).sum(dim=1) == 1)
    assert set(rows.tolist()) == {2, 3, 4, 5, 6}
    assert columns.max() <= 6


def test_a_shift_mirrors_the_border():
    image = torch.arange(5.0).expand(64, 1, 5, 5)
    shifted = random_shift(image, 2, draws(images=64))
    rows = {tuple(row.tolist()) for row in shifted[:, 0, 0].int()}
    assert rows == {
        (2, 1, 0, 1, 2),
        (1, 0, 1, 2, 3),
        (0, 1, 2, 3, 4),
        (1, 2, 3, 4, 3),
        (2, 3, 4, 3, 2),
    }


def test_erasing_blackens_one_rectangle_of_the_share_of_images_asked_for():
    images = torch.ones(512, 3, 20, 20)
    erased = random_erasing(images, 0.25, draws(images=512)) == 0
    touched = erased.flatten(1).any(dim=1)
    assert 0.18 < touched.float().mean() < 0.32
    area = erased[touched][:, 0].float().mean((1, 2))
    assert area.min() > 0.01
    assert area.max() < 0.4
    for mask in erased[touched][:, 0]:
        rows, columns = mask.any(dim=1), mask.any(dim=0)
        assert torch.equal(mask, rows[:, None] & columns[None, :])
        assert (rows.int().diff() != 0).sum() <= 2  # in one piece


@pytest.mark.parametrize("alphas", [{"mixup": 0.8}, {"cutmix": 1.0}, {"mixup": 0.8, "cutmix": 1.0}])
def test_mixed_targets_are_probabilities(images, alphas):
    targets = torch.arange(16) % 4
    augmentation = Augmentation(**alphas)
    for step in range(4):
        mixed, probabilities = augmentation.mix(images / 255, targets, 4, draws(step))
        assert mixed.shape == images.shape
        assert probabilities.shape == (16, 4)
        assert torch.allclose(probabilities.sum(dim=1), torch.ones(16))
        assert probabilities.min() >= 0


def test_mixup_and_cutmix_take_turns(images):
    augmentation = Augmentation(mixup=0.8, cutmix=1.0)
    levels = torch.rand(16, 3, 16, 16)
    untouched = set()
    for step in range(20):
        mixed, _ = augmentation.mix(levels, torch.arange(16), 16, draws(step))
        untouched.add(bool((mixed == levels).any()))
    assert untouched == {True, False}


def test_mixup_blends_images_and_targets_by_the_same_share():
    images, targets = torch.rand(16, 3, 16, 16), torch.eye(16)
    mixed, blended = mixup(images, targets, 0.75)
    assert torch.allclose(mixed[1], 0.75 * images[1] + 0.25 * images[9])
    assert blended[1, 1] == 0.75
    assert blended[1, 9] == 0.25


@given(st.floats(0, 1), st.integers(0, 100))
def test_cutmix_blends_the_targets_by_the_area_really_pasted(share, seed):
    images = torch.stack([torch.zeros(1, 8, 12), torch.ones(1, 8, 12)])
    mixed, blended = cutmix(images, torch.eye(2), share, draws(seed, images=2))
    assert mixed[0].mean().item() == pytest.approx(blended[0, 1].item(), abs=1e-6)
    assert mixed[1].mean().item() == pytest.approx(blended[1, 1].item(), abs=1e-6)


@given(st.integers(1, 64), st.floats(0, 1), st.integers(0, 100))
def test_a_span_stays_inside(length, share, seed):
    begin, end = span(length, share, draws(seed))
    assert 0 <= begin <= end <= length
