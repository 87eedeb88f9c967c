"""What the readout takes of the tokens."""

import pytest
import torch

from model.pooling import pooling_matrix
from tests.model.vits import SHAPES
from tests.model.weighed import (
    assert_same,
    vit,
)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_pooling_matrix_is_what_pooling_makes_of_the_identity(shape):
    model = vit(shape)
    tokens = model.config.tokens
    pooled = model.pool(torch.eye(tokens, dtype=torch.float64)[None]).reshape(-1, tokens)
    assert_same(pooling_matrix(model), pooled, 1e-15)
