"""What the readout takes of the tokens: the class token, the patches' mean, or two side by side.

Pooling is linear, so all of it stands in one matrix; explanations and traces go by that.

N tokens, d width.
"""

from __future__ import annotations

import torch
from torch import Tensor

from model.vit import VisionTransformer

ALL = slice(None)


def rows_read_out(model: VisionTransformer) -> slice:
    """Say which tokens may be read out: those before and between them have a share of 0."""
    of_pooling = {
        "class_token": slice(0, 1),
        "class_and_distillation_token": slice(0, 2),
        "mean": slice(model.config.prefix_tokens, None),
        "class_token_and_mean": ALL,
    }
    return of_pooling[model.config.pooling]


def pooling_matrix(model: VisionTransformer) -> Tensor:
    """Give what pooling takes of every token: [1 or 2, N], a row for each part of the readout.

    Pooling is linear, so it is what `pool` makes of the identity; written out, as a graph would
    hold the identity of a large model as a constant of N x N numbers.
    """
    config, weight = model.config, model.head.weight
    token = torch.arange(config.tokens, device=weight.device)
    first, second, is_patch = (
        which.to(weight.dtype) for which in (token == 0, token == 1, token >= config.prefix_tokens)
    )
    mean = is_patch / config.patches
    of_pooling = {
        "class_token": [first],
        "class_and_distillation_token": [first, second],
        "mean": [mean],
        "class_token_and_mean": [first, mean],
    }
    return torch.stack(of_pooling[config.pooling])


def readout_share(model: VisionTransformer) -> Tensor:
    """Give every token's share in the readout: [N]. The parts of a readout count alike."""
    return pooling_matrix(model).mean(dim=0)
