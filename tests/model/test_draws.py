"""Random numbers depend on seed and step alone, and shares get what the whole batch has."""

from __future__ import annotations

import pytest
import torch

from model.draws import Draws, step_seed
from model.share import Share


def test_seeds_and_steps_draw_differently_and_the_same_again():
    seeds = {step_seed(seed, step) for seed in (0, 1) for step in (0, 1)}
    assert len(seeds) == 4
    assert step_seed(3, 14) == step_seed(3, 14)
    assert all(0 <= seed < 2**63 for seed in seeds)
    drawn = {tuple(Draws(*place, 4).uniform().tolist()) for place in ((0, 0), (0, 1), (1, 0))}
    assert len(drawn) == 3
    assert torch.equal(Draws(0, 1, 4).uniform(), Draws(0, 1, 4).uniform())


@pytest.mark.parametrize("processes", [2, 3])
def test_shares_hold_the_whole_batch_s_numbers(processes):
    whole = Draws(0, 0, 12)
    expected = whole.uniform(2), whole.integers(9), whole.one_uniform(), whole.one_beta(0.5)
    for process in range(processes):
        share = Share(process, processes)
        own = Draws(0, 0, 12, share)
        assert torch.equal(own.uniform(2), share.of(expected[0]))
        assert torch.equal(own.integers(9), share.of(expected[1]))
        assert (own.one_uniform(), own.one_beta(0.5)) == expected[2:]


def test_numbers_keep_their_ranges():
    draws = Draws(0, 0, 1000)
    uniform, integers = draws.uniform(), draws.integers(5)
    assert uniform.dtype == torch.float32
    assert uniform.min() >= 0
    assert uniform.max() < 1
    assert set(integers.tolist()) == {0, 1, 2, 3, 4}
    assert {draws.one_integer(3) for _ in range(50)} == {0, 1, 2}
