"""Position embeddings are resampled like a picture; what stands before the grid stays."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from model.position_resize import resized_positions


def waves(rows: int, columns: int) -> torch.Tensor:
    """Two smooth features on a grid, as positions [1, rows * columns, 2]."""
    row, column = torch.meshgrid(
        (torch.arange(rows) + 0.5) / rows, (torch.arange(columns) + 0.5) / columns, indexing="ij"
    )
    return torch.stack([torch.sin(3 * row), torch.cos(2 * column)], -1).reshape(1, -1, 2)


def test_a_finer_grid_follows_the_same_waves():
    finer = resized_positions(waves(8, 8), (8, 8), (12, 16))
    inner = finer.reshape(12, 16, 2)[2:-2, 2:-2]
    assert torch.allclose(inner, waves(12, 16).reshape(12, 16, 2)[2:-2, 2:-2], atol=0.01)


@pytest.mark.parametrize("prefix", [0, 1, 3])
def test_the_rows_before_the_grid_stay_as_they_are(prefix):
    positions = torch.randn(1, prefix + 16, 6)
    resized = resized_positions(positions, (4, 4), (3, 5))
    assert resized.shape == (1, prefix + 15, 6)
    assert torch.equal(resized[:, :prefix], positions[:, :prefix])


@pytest.mark.parametrize("antialias", [True, False])
def test_it_is_bicubic_with_or_without_a_wider_filter(antialias):
    positions = torch.randn(1, 1 + 64, 4)
    picture = positions[0, 1:].T.reshape(1, 4, 8, 8)
    expected = functional.interpolate(picture, size=(4, 6), mode="bicubic", antialias=antialias)
    found = resized_positions(positions, (8, 8), (4, 6), antialias)[0, 1:].T.reshape(1, 4, 4, 6)
    assert torch.allclose(found, expected, atol=1e-6)


def test_the_same_grid_changes_nothing():
    positions = torch.randn(1, 17, 4)
    assert torch.equal(resized_positions(positions, (4, 4), (4, 4)), positions)


def test_half_precision_stays_half_precision():
    assert resized_positions(torch.randn(1, 5, 4).half(), (2, 2), (3, 3)).dtype == torch.float16


def test_fewer_rows_than_patches_are_refused():
    with pytest.raises(ValueError, match=r"15 position embeddings are fewer than .* 4 x 4"):
        resized_positions(torch.zeros(1, 15, 2), (4, 4), (8, 8))
