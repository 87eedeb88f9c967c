"""Merging tokens: who goes with whom, what comes of it, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from model.config import VisionTransformerConfig
from model.token_merging import check_merging, membership, merge
from model.vit import attention_scores
from service.errors import InvalidInput


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def groups_by_hand(keys: np.ndarray, merged: int) -> set[frozenset[int]]:
    """Pair tokens one by one, as the paper tells it: first set even, second set odd."""
    even, odd = range(0, len(keys), 2), range(1, len(keys), 2)
    alike = np.corrcoef(keys)
    partner = {one: max(odd, key=lambda other: alike[one, other]) for one in even}
    chosen = sorted(even, key=lambda one: -alike[one, partner[one]])[:merged]
    groups = {one: {one} for one in range(len(keys)) if one not in chosen}
    for one in chosen:
        groups[partner[one]].add(one)
    return {frozenset(group) for group in groups.values()}


@pytest.mark.parametrize(("tokens", "merged"), [(8, 1), (8, 4), (9, 3), (16, 5), (2, 1)])
def test_the_pairs_are_those_found_by_hand(tokens: int, merged: int) -> None:
    keys = drawn(3, tokens, 6)
    for image, chosen in zip(keys.numpy(), membership(keys, merged), strict=True):
        found = {frozenset(row.nonzero()[:, 0].tolist()) for row in chosen}
        assert found == groups_by_hand(image, merged)


def test_every_token_goes_into_one_and_no_group_is_empty() -> None:
    chosen = membership(drawn(4, 15, 8), 6)
    assert chosen.shape == (4, 9, 15)
    assert (chosen.sum(dim=1) == 1).all()
    assert (chosen.sum(dim=2) >= 1).all()


def test_an_image_is_merged_as_if_it_were_alone() -> None:
    keys = drawn(5, 12, 8)
    together = membership(keys, 4)
    for index in range(5):
        assert torch.equal(membership(keys[index : index + 1], 4)[0], together[index])


def test_a_token_merged_twice_is_the_mean_of_its_patches() -> None:
    patches = drawn(2, 16, 6)
    tokens, groups = merge(patches, None, drawn(2, 16, 4, seed=1), 6)
    tokens, groups = merge(tokens, groups, drawn(2, 10, 4, seed=2), 5)
    assert groups.sizes.sum(dim=1).tolist() == [16, 16]
    assert torch.equal(groups.members.sum(dim=2), groups.sizes)
    assert torch.equal(groups.members.sum(dim=1), torch.ones(2, 16))
    torch.testing.assert_close(tokens, groups.members @ patches / groups.sizes[:, :, None])


def test_every_patch_gets_back_the_token_that_stands_for_it() -> None:
    patches = drawn(2, 8, 6)
    tokens, groups = merge(patches, None, patches, 3)
    back = groups.at_patches(tokens)
    for image in range(2):
        for row, members in zip(tokens[image], groups.members[image], strict=True):
            for patch in members.nonzero()[:, 0]:
                torch.testing.assert_close(back[image, patch], row)


def test_a_merged_token_is_attended_as_its_patches_were() -> None:
    """Equal patches that become one token leave what attention gives as it was."""
    single = drawn(1, 4, 6)
    patches = single.repeat_interleave(2, dim=1)  # pairs of equal patches, even and odd
    prefix, query = drawn(1, 1, 6, seed=1), drawn(1, 1, 3, 6, seed=2)
    before = torch.cat([prefix, patches], dim=1)[:, None]
    tokens, groups = merge(patches, None, patches, 4)
    after = torch.cat([prefix, tokens], dim=1)[:, None]
    expected = attention_scores(query, before).softmax(-1) @ before
    found = (attention_scores(query, after) + groups.emphasis(1)).softmax(-1) @ after
    torch.testing.assert_close(found, expected)


def test_numbers_that_fit_are_accepted() -> None:
    check_merging((0, 32, 16, 8), VisionTransformerConfig(depth=6))


@pytest.mark.parametrize(
    ("merged", "told"),
    [
        ((33,), "block 0 cannot merge 33 of 64 patch tokens, 32 at most"),
        ((32, 17), "block 1 cannot merge 17 of 32 patch tokens, 16 at most"),
        ((-1, 2), "block 0 cannot merge -1"),
        ((0, 0), "no block merges any token"),
        ((1, 1, 1), "3 numbers are given for the 2 before the last"),
        ((40, 1, 1), "3 numbers are given for the 2 before the last; block 0 cannot merge 40"),
    ],
)
def test_numbers_that_do_not_fit_are_refused_at_once(merged, told) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_merging(merged, VisionTransformerConfig(depth=3))
    assert told in refused.value.detail
    assert "as 0,24,0,16" in refused.value.detail
