"""The best epoch's weights are kept while training goes on from the last."""

from __future__ import annotations

import torch

from model.best_epoch import BestEpoch

MEASURE = "validation_accuracy"


def record(epoch: float, accuracy: float, loss: float = 1.0) -> dict[str, float]:
    return {"epoch": epoch, MEASURE: accuracy, "validation_loss": loss}


def offer(best: BestEpoch, epoch: float, accuracy: float, loss: float = 1.0) -> None:
    best.offer(record(epoch, accuracy, loss), MEASURE, {"w": torch.tensor(float(epoch))})


def kept(best: BestEpoch) -> float:
    assert best.weights is not None
    return best.weights["w"].item()


def test_a_better_epoch_takes_the_place_and_a_worse_one_does_not():
    best = BestEpoch()
    for epoch, accuracy in ((1, 0.5), (2, 0.7), (3, 0.6)):
        offer(best, epoch, accuracy)
    assert best.record == record(2, 0.7)
    assert kept(best) == 2


def test_of_equal_accuracies_the_lower_loss_is_better():
    best = BestEpoch()
    for epoch, loss in ((1, 0.9), (2, 0.4), (3, 0.6), (4, 0.4)):
        offer(best, epoch, 0.5, loss)
    assert kept(best) == 2


def test_a_loss_that_is_not_a_number_is_never_better():
    best = BestEpoch()
    offer(best, 1, 0.5)
    offer(best, 2, 0.5, float("nan"))
    assert kept(best) == 1


def test_what_is_kept_does_not_move_with_the_weights_offered():
    best, weights = BestEpoch(), {"w": torch.zeros(2)}
    best.offer(record(1, 0.5), MEASURE, weights)
    weights["w"].add_(1)
    assert best.weights is not None
    assert torch.equal(best.weights["w"], torch.zeros(2))


def test_patience_counts_the_epochs_since_the_best():
    best = BestEpoch()
    assert not best.is_over(5, patience=1)
    offer(best, 3, 0.5)
    assert [best.is_over(epoch, patience=2) for epoch in (3, 4, 5)] == [False, False, True]
    assert not best.is_over(1000, patience=None)


def test_it_goes_through_a_state_and_leaves_the_rest_of_it():
    best = BestEpoch()
    assert best.tensors() == {}
    offer(best, 2, 0.5)
    state = {**best.tensors(), "model/w": torch.zeros(1)}
    again = BestEpoch()
    again.restore(best.record, state)
    assert list(state) == ["model/w"]
    assert kept(again) == 2
    assert again.record == best.record
    again.restore(None, {})
    assert again.weights is None
