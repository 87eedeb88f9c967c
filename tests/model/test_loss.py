"""Cross-entropy is -sum target log softmax(logits), averaged over the batch."""

from __future__ import annotations

import math

import pytest
import torch

from model.loss import cross_entropy


def test_equal_logits_cost_the_logarithm_of_the_number_of_classes():
    loss = cross_entropy(torch.zeros(3, 8), torch.tensor([0, 3, 7]))
    assert loss.item() == pytest.approx(math.log(8))


def test_a_certain_right_answer_costs_nothing_and_a_wrong_one_its_margin():
    logits = torch.tensor([[50.0, 0.0], [50.0, 0.0]])
    assert cross_entropy(logits[:1], torch.tensor([0])).item() == pytest.approx(0)
    assert cross_entropy(logits[:1], torch.tensor([1])).item() == pytest.approx(50)


def test_class_numbers_and_probabilities_cost_the_same():
    torch.manual_seed(0)
    logits, targets = torch.randn(5, 4), torch.tensor([0, 1, 2, 3, 0])
    probabilities = torch.eye(4)[targets]
    for smoothing in (0.0, 0.1):
        assert cross_entropy(logits, targets, smoothing).item() == pytest.approx(
            cross_entropy(logits, probabilities, smoothing).item(), abs=1e-6
        )


def test_label_smoothing_moves_its_share_to_all_classes_equally():
    torch.manual_seed(0)
    logits = torch.randn(1, 4)
    target = torch.tensor([[0.925, 0.025, 0.025, 0.025]])
    assert cross_entropy(logits, torch.tensor([0]), 0.1).item() == pytest.approx(
        cross_entropy(logits, target).item(), abs=1e-6
    )


def test_half_precision_logits_are_reckoned_in_float32():
    logits = torch.tensor([[30.0, 0.0]], dtype=torch.bfloat16)
    assert cross_entropy(logits, torch.tensor([1])).dtype == torch.float32


def test_class_weights_weigh_each_image_by_its_class():
    logits, targets = torch.randn(3, 2), torch.tensor([0, 1, 1])
    each = [cross_entropy(logits[i : i + 1], targets[i : i + 1]).item() for i in range(3)]
    weighed = cross_entropy(logits, targets, class_weights=torch.tensor([3.0, 0.5])).item()
    assert weighed == pytest.approx((3 * each[0] + 0.5 * each[1] + 0.5 * each[2]) / 3, rel=1e-5)


def test_class_weights_weigh_a_mixed_image_by_its_mixture():
    logits, mixed = torch.randn(1, 2), torch.tensor([[0.25, 0.75]])
    weighed = cross_entropy(logits, mixed, 0.1, torch.tensor([2.0, 4.0])).item()
    assert weighed == pytest.approx(3.5 * cross_entropy(logits, mixed, 0.1).item(), rel=1e-5)


def test_the_shares_of_a_batch_have_its_mean():
    logits, targets = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
    weights = torch.tensor([0.5, 1.0, 4.0])
    whole = cross_entropy(logits, targets, 0.1, weights)
    halves = [
        cross_entropy(logits[part], targets[part], 0.1, weights)
        for part in (slice(0, 2), slice(2, 4))
    ]
    assert whole.item() == pytest.approx(torch.stack(halves).mean().item(), rel=1e-5)
