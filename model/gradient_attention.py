"""Gradient times attention by torch's autograd: the reference that served maps are held against.

Source: Chefer, Gur and Wolf, ICCV 2021, whose relevance is made of the same products.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from model.checkpoint import load_checkpoint
from service.bundle import read_contract
from service.contract import CONTRACT_FILE
from service.engine import Floats
from service.explanation.maps import patch_map, readout_share


class GradientAttention:
    """Explains a bundle's model with torch alone."""

    def __init__(self, folder: Path) -> None:
        self._model = load_checkpoint(folder).model
        self._architecture = read_contract(folder / CONTRACT_FILE).architecture

    def maps(self, pixels: Floats, target: int) -> dict[str, Floats]:
        """Give relu(gradient * attention), the mean over heads, as far as the readout attends.

        Once of the last block, as it is commonly used, and once as the mean over all blocks.
        """
        with torch.enable_grad():
            steps = self._model.steps(torch.from_numpy(pixels)[None])
            attention = [block.attention for block in steps.blocks]
            gradients = torch.autograd.grad(steps.logits[0, target], attention)
        products = [
            (gradient * weights).clamp(min=0).mean(dim=1)[0]
            for gradient, weights in zip(gradients, attention, strict=True)
        ]
        return {
            "gradient_attention_last": self._map(products[-1]),
            "gradient_attention_all": self._map(torch.stack(products).mean(dim=0)),
        }

    def _map(self, product: Tensor) -> Floats:
        return patch_map(
            readout_share(self._architecture) @ product.detach().numpy(), self._architecture
        )
