"""The model card of a bundle, its `README.md`: written from the contract alone.

After Mitchell et al., "Model Cards for Model Reporting", FAT* 2019.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from service.contract import Contract
from service.record import (
    Explanations,
    Faithfulness,
    Merging,
    Origin,
    TaughtBy,
    TunedFrom,
)

LIMITS = """\
- It knows the classes above and no others: whatever it is shown, it names one of them.
- It was measured on pictures like those of its data set; on others expect less.
- A probability is as good as the calibration measured, and only for pictures like those.
- It sees the centre of a picture, reduced to the size above; small or off-centre things are lost.
- It is not made for decisions about people.
"""
TRACED = "\nEvery value on a picture's way through it can be asked for (`POST /trace`).\n"


def render_card(contract: Contract) -> str:
    """Give the card as Markdown."""
    sections = [
        f"# {contract.name} {contract.version}\n",
        _summary(contract),
        *([_merging(contract.merging)] if contract.merging else []),
        "## Classes\n\n" + ", ".join(contract.labels) + "\n",
        _training(contract),
        *(
            _measured(part, metrics, contract.labels)
            for part, metrics in contract.provenance.metrics.items()
        ),
        *([_precisions(contract)] if len(contract.precisions) > 1 else []),
        *([_explanations(contract.explanations)] if contract.explanations else []),
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
        f"{fitted.crop[1]} pixels.\n" + (TRACED if contract.graphs.trace else "")
    )


def _merging(merging: Merging) -> str:
    text = (
        "## Tokens are merged\n\n"
        f"It is {merging.model} {merging.version} with fewer tokens on the way (token merging, "
        "Bolya et al., ICLR 2023), and so faster. Its blocks merge "
        f"{', '.join(map(str, merging.tokens))} tokens, from the first on. It has no explanations: "
        f"ask {merging.model} {merging.version} for them.\n"
    )
    if merging.top1_without is None or merging.agreement is None:
        return text
    return text + (
        f"\nOn the same {merging.images:,} pictures of the {merging.part} part, that one has a "
        f"top-1 of {merging.top1_without:.2%}; both predict the same class for "
        f"{merging.agreement:.2%}.\n"
    )


def _training(contract: Contract) -> str:
    made = contract.provenance
    rows = [
        *_tuned_from(made.tuned_from),
        *_origin(made.origin),
        ("Data", made.dataset),
        ("Recipe", made.recipe),
        ("Command", f"`{made.command}`" if made.command else ""),
        ("Taught by", _taught_by(made.taught_by)),
        ("Seed", "" if made.seed is None else str(made.seed)),
        ("Epochs", f"{made.epochs:g}" if made.epochs else ""),
        ("Best epoch", f"{made.best_epoch:g}, by validation" if made.best_epoch else ""),
        ("Images seen", f"{made.images_seen:,}" if made.images_seen else ""),
        ("Wall time", f"{made.wall_seconds / 60:.0f} minutes" if made.wall_seconds else ""),
        ("Machine", made.machine),
        ("Commit", made.commit),
    ]
    return "## How it was trained\n\n" + _table(
        ("", ""), ([name, value] for name, value in rows if value)
    )


def _taught_by(teacher: TaughtBy | None) -> str:
    if teacher is None:
        return ""
    token = ", through a distillation token" if teacher.token else ""
    return (
        f"{teacher.name}, {teacher.distillation} distillation{token}: {teacher.weight:.0%} of the "
        f"loss. `{teacher.digest}`"
    )


def _origin(public: Origin | None) -> list[tuple[str, str]]:
    if public is None:
        return []
    return [
        ("Made from", f"{public.source} ({public.architecture})"),
        ("Weights", f"{public.weights}, {public.digest}"),
        ("Licence", public.licence or "not told by the source: ask its authors"),
    ]


def _tuned_from(initial: TunedFrom | None) -> list[tuple[str, str]]:
    if initial is None:
        return []
    head = "its head was kept" if initial.head == "kept" else "with a new head"
    trained = "all weights" if initial.trained == "all" else "the head alone"
    named = " ".join(filter(None, (initial.name, initial.version)))
    said = f"{named}, {head}; {trained} trained. `{initial.digest}`"
    return [("Started from", said), *_origin(initial.origin)]


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


def _precisions(contract: Contract) -> str:
    text = (
        "## Number formats\n\n"
        "As fp32: the share of pictures for which fp32 predicts the same class. Logits off: the "
        "largest difference from a logit of fp32 on any picture.\n\n"
    )
    header = ("precision", "file", "pictures", "top-1", "as fp32", "logits off")
    rows = (
        [
            name,
            f"`{one.file}`",
            f"{one.images:,}",
            "" if one.top1 is None else f"{one.top1:.2%}",
            "" if one.agreement is None else f"{one.agreement:.2%}",
            "" if one.logit_difference is None else f"{one.logit_difference:.3f}",
        ]
        for name, one in contract.precisions.items()
    )
    return text + _table(header, rows)


def _explanations(measured: Explanations) -> str:
    text = (
        "## How faithful its explanations are\n\n"
        f"Maps of the predicted class on {measured.images:,} pictures of the {measured.part} part, "
        f"patches removed by `{measured.removal}`, {measured.steps} steps a curve; 95 % intervals "
        "by bootstrap over pictures. Delta is the area under the probability's curve when the "
        "least relevant patches go first minus that when the most relevant go first: above 0 is "
        "better than chance. Comprehensiveness and sufficiency: the probability's fall without the "
        "10 % most relevant patches, and with them alone. Another class, shuffled weights: rank "
        "correlation with the map of the second class, and of the same model with its weights "
        f"shuffled; 1 would mean that the map ignores them. Default method: "
        f"`{measured.default_method}`.\n\n"
    )
    header = (
        "method", "delta", "delta over random", "comprehensiveness", "sufficiency",
        "another class", "shuffled weights",
    )  # fmt: skip
    rows = [*measured.methods.items(), *measured.references.items()]
    return text + _table(header, ([name, *_faithfulness(row)] for name, row in rows))


def _faithfulness(row: Faithfulness) -> list[str]:
    intervals = [
        f"{one.mean:.3f} ({one.low:.3f} to {one.high:.3f})"
        for one in (row.delta, row.margin_over_random)
    ]
    figures = [f"{value:.3f}" for value in (row.comprehensiveness, row.sufficiency)]
    checks = (row.another_class, row.randomized_weights)
    return [*intervals, *figures, *("" if one is None else f"{one:.2f}" for one in checks)]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
