"""The model card of a bundle, its `README.md`: written from the contract alone.

After Mitchell et al., "Model Cards for Model Reporting", FAT* 2019.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from service.contract import Contract

LIMITS = """\
- It knows the classes above and no others: whatever it is shown, it names one of them.
- It was measured on pictures like those of its data set; on others expect less.
- A probability is as good as the calibration measured, and only for pictures like those.
- It sees the centre of a picture, reduced to the size above; small or off-centre things are lost.
- It is not made for decisions about people.
"""


def render_card(contract: Contract) -> str:
    """Give the card as Markdown."""
    sections = [
        f"# {contract.name} {contract.version}\n",
        _summary(contract),
        "## Classes\n\n" + ", ".join(contract.labels) + "\n",
        _training(contract),
        *(
            _measured(part, metrics, contract.labels)
            for part, metrics in contract.provenance.metrics.items()
        ),
        "## What it is not good for\n\n" + LIMITS,
    ]
    return "\n".join(sections)


def _summary(contract: Contract) -> str:
    shape, fitted = contract.architecture, contract.preprocessing
    return (
        f"A plain Vision Transformer with {shape.parameters:,} parameters: patches of "
        f"{shape.patch_size} x {shape.patch_size} pixels on a grid of {shape.grid[0]} x "
        f"{shape.grid[1]}, width {shape.width}, {shape.depth} blocks, {shape.heads} heads. "
        f"Pictures are resized ({fitted.interpolation}) and cropped to {fitted.crop[0]} x "
        f"{fitted.crop[1]} pixels.\n"
    )


def _training(contract: Contract) -> str:
    made = contract.provenance
    rows = [
        ("Data", made.dataset),
        ("Recipe", made.recipe),
        ("Command", f"`{made.command}`" if made.command else ""),
        ("Seed", str(made.seed)),
        ("Epochs", f"{made.epochs:g}" if made.epochs else ""),
        ("Images seen", f"{made.images_seen:,}" if made.images_seen else ""),
        ("Wall time", f"{made.wall_seconds / 60:.0f} minutes" if made.wall_seconds else ""),
        ("Machine", made.machine),
        ("Commit", made.commit),
    ]
    return "## How it was trained\n\n" + _table(
        ("", ""), ([name, value] for name, value in rows if value)
    )


def _measured(part: str, metrics: dict[str, Any], labels: Sequence[str]) -> str:
    per_class, confusion = metrics["per_class"], metrics["confusion"]
    text = (
        f"## Measured on the {part} part\n\n"
        f"Through the service's own preprocessing and engine, on {metrics['images']:,} pictures: "
        f"top-1 {metrics['top1']:.2%}, top-5 {metrics['top5']:.2%}, log loss "
        f"{metrics['log_loss']:.3f}, expected calibration error "
        f"{metrics['calibration_error']:.2%}.\n\n"
    )
    header = ("true \\ predicted", *labels, "recognised")
    rows = (
        [label, *map(str, counts), f"{per_class[label]:.1%}"]
        for label, counts in zip(labels, confusion, strict=True)
    )
    return text + _table(header, rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
