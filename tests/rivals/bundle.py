"""The models that are served: random weights, so that nothing but speed and memory means anything.

They are exported as `vitrine-model random` does, on first use, which takes minutes.
"""

from __future__ import annotations

from pathlib import Path

SMALL, TINY = "random-small", "random-ti16"


def bundle(name: str, bundles: Path) -> Path:
    """Give the folder of a bundle, which is made where it is not there yet."""
    folder = bundles.resolve() / name / "1"
    if not folder.is_dir():
        from model.export import export_bundle
        from model.random_bundle import random_checkpoint

        checkpoint = random_checkpoint("Ti") if name == TINY else _small_checkpoint()
        export_bundle(checkpoint, bundles.resolve(), name, "1")
    return folder


def _small_checkpoint():
    """Draw a ViT for 32 x 32 pixels: width 192, depth 9, 65 tokens, 4.0 million parameters."""
    import torch

    from model.checkpoint import Checkpoint
    from model.config import VisionTransformerConfig
    from model.initialization import initialize
    from model.vit import VisionTransformer

    torch.manual_seed(0)
    config = VisionTransformerConfig(width=192, depth=9, heads=3, classes=10)
    model = VisionTransformer(config)
    initialize(model, "truncated_normal")
    torch.nn.init.normal_(model.head.weight, std=config.width**-0.5)  # 0 at a training's start
    half = [0.5, 0.5, 0.5]
    preprocessing = {"size": [32, 32], "crop": [32, 32], "mean": half, "std": half}
    provenance = {
        "dataset": "none",
        "recipe": "random weights",
        "command": "python -m tests.rivals",
        "seed": 0,
    }
    labels = tuple(f"class {index}" for index in range(config.classes))
    return Checkpoint(model.eval(), labels, preprocessing, provenance)
