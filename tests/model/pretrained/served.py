"""What a public model answers when it is served: its classify graph in the service's engine."""

from __future__ import annotations

from pathlib import Path

import torch

from model.checkpoint import Checkpoint
from model.export import contract_of
from model.graphs import write_graph, write_weights
from model.pretrained.conversion import public_checkpoint
from model.pretrained.public_model import PublicModel
from model.vit import VisionTransformer
from service.bundle import Bundle
from service.engine import Engine
from tests.untraced import untraced_exporter


def served_logits(public: PublicModel, folder: Path, images: torch.Tensor) -> torch.Tensor:
    """Export the graph that classifies, and let the engine answer: [B, C]."""
    checkpoint = public_checkpoint(public)
    folder.mkdir()
    write_weights(checkpoint.model, folder)
    with untraced_exporter():
        write_graph(checkpoint.model, "classify", folder)
    return torch.from_numpy(_engine(checkpoint, folder).classify(images.numpy()).logits)


def _engine(checkpoint: Checkpoint, folder: Path) -> Engine:
    contract = contract_of(checkpoint, "public", "1")
    return Engine(Bundle(folder, contract, ""), provider="cpu", threads=1)


def computed_logits(public: PublicModel, images: torch.Tensor) -> torch.Tensor:
    """Let torch answer, without a bundle."""
    with torch.inference_mode():
        return public_checkpoint(public).model(images)


def features(public: PublicModel, images: torch.Tensor) -> torch.Tensor:
    """Give what a head would read of a model that may have none."""
    model = VisionTransformer(public.shape)
    missing = model.load_state_dict(dict(public.weights), strict=False)
    assert not missing.unexpected_keys
    assert all(name.startswith("head.") for name in missing.missing_keys)
    with torch.inference_mode():
        return model.eval().features(images)
