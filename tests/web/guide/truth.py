"""What a bundle's own model computes of a picture, by torch, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from model.checkpoint import Checkpoint, load_checkpoint
from model.vit import Block, BlockSteps, Steps
from service.bundle_folder import find_bundles
from service.contract import Preprocessing
from service.decoding import ImageLimits
from service.preprocess import preprocess
from service.settings import EMBEDDED_BUNDLES


@dataclass(frozen=True)
class Truth:
    """A model and every value of its way through one picture."""

    checkpoint: Checkpoint
    steps: Steps

    def block(self, layer: int) -> Block:
        block = self.checkpoint.model.blocks[layer]
        assert isinstance(block, Block)
        return block

    def values(self, layer: int) -> BlockSteps:
        return self.steps.blocks[layer]

    @property
    def readout_attention(self) -> Tensor:
        """The attention that reaches what is read out: [L, H, n]."""
        config = self.checkpoint.model.config
        patches = torch.stack([block.attention[0] for block in self.steps.blocks])
        patches = patches[..., config.prefix_tokens :]
        mean = patches[:, :, config.prefix_tokens :].mean(dim=2)
        return {
            "class_token": patches[:, :, 0],
            "mean": mean,
            "class_token_and_mean": (patches[:, :, 0] + mean) / 2,
            "class_and_distillation_token": (patches[:, :, 0] + patches[:, :, 1]) / 2,
        }[config.pooling]


@cache
def truth_of(picture: bytes, bundles: Path = EMBEDDED_BUNDLES) -> Truth:
    checkpoint = load_checkpoint(find_bundles(bundles)[0])
    preprocessing = Preprocessing.model_validate(checkpoint.preprocessing)
    _, values = preprocess(picture, preprocessing, ImageLimits())
    with torch.no_grad():
        return Truth(checkpoint, checkpoint.model.steps(torch.from_numpy(values)[None]))
