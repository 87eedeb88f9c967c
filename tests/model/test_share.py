"""Shares are a batch's images dealt out, and draw what the whole batch draws."""

from __future__ import annotations

import torch

from model.share import WHOLE, Share

CPU = torch.device("cpu")


def test_shares_deal_out_a_batch():
    batch = torch.arange(6)
    assert [Share(process, 2).of(batch).tolist() for process in (0, 1)] == [[0, 2, 4], [1, 3, 5]]
    assert torch.equal(WHOLE.of(batch), batch)


def test_shares_draw_what_the_whole_batch_draws():
    torch.manual_seed(5)
    whole = WHOLE.uniform(6, 3, device=CPU)
    for process in (0, 1):
        torch.manual_seed(5)
        share = Share(process, 2)
        assert torch.equal(share.uniform(3, 3, device=CPU), share.of(whole))
