"""How far a training is, and the one file from which it resumes.

The position and the learner's tensors lie in one safetensors file, replaced as a whole, so that
they always belong to the same step.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from model.checkpoint import write_atomically
from model.training_config import TrainingConfig
from service.errors import InvalidInput

STATE_FILE = Path("state") / "training.safetensors"
PLACE_FIELDS = {"run", "init", "teacher"}  # where they lie does not change what is computed
RANDOM_NUMBERS = 2  # raised whenever the same seed comes to give other random numbers


@dataclass
class Position:
    """How far a training is; with the learner's tensors, all that resuming needs.

    `config`, `labels`, `train_images` and `tuned_from`, the model that it started from, say which
    training it is. `loss_sum` is over the `loss_steps` of the epoch so far; `scaler` is the state
    of float16's gradient scaler; `best` are the measures of the best epoch so far.
    `random_numbers` tells in which way they are drawn; a file that does not say has the first.
    `teacher` holds the name and the digest of the network that is followed.
    """

    config: dict[str, Any]
    labels: list[str]
    train_images: int
    step: int = 0
    images_seen: int = 0
    wall_seconds: float = 0.0
    loss_sum: float = 0.0
    loss_steps: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    done: bool = False
    scaler: dict[str, float] | None = None
    tuned_from: dict[str, Any] | None = None
    best: dict[str, Any] | None = None
    class_counts: dict[str, dict[str, int]] = field(default_factory=dict)
    random_numbers: int = 1
    teacher: dict[str, str] | None = None


def save_state(run: Path, tensors: Mapping[str, Tensor], position: Position) -> None:
    """Replace the state of a run folder by this one."""
    cpu = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    metadata = {"position": json.dumps(asdict(position))}
    write_atomically(run / STATE_FILE, save(cpu, metadata=metadata))


def load_state(run: Path) -> tuple[dict[str, Tensor], Position] | None:
    """Read back what `save_state` wrote; None where there is nothing yet."""
    path = run / STATE_FILE
    if not path.is_file():
        return None
    with safe_open(path, framework="pt") as opened:
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        return tensors, Position(**json.loads(opened.metadata()["position"]))


def digest(network: dict[str, Any] | None) -> str | None:
    """Give the digest of a network that a training starts from or follows."""
    return None if network is None else str(network["digest"])


def named(network: dict[str, Any] | None) -> str:
    """Say which network a training starts from or follows."""
    if network is None:
        return "none"
    parts = (network["name"], network.get("version", ""), network["digest"])
    return " ".join(filter(None, parts))


def check_resumable(
    run: Path, saved: Position, begun: Position, kind: type[BaseModel] = TrainingConfig
) -> None:
    """Raise InvalidInput, naming every difference, unless both are the same training.

    `kind` is the class of both configurations; fields that are younger than the saved one count
    as their defaults.
    """
    before = kind.model_validate(saved.config).model_dump(mode="json")
    now = kind.model_validate(begun.config).model_dump(mode="json")
    differences = [
        f"{name} was {before[name]!r} and is {now[name]!r}"
        for name in before
        if name not in PLACE_FIELDS and before[name] != now[name]
    ]
    if saved.labels != begun.labels:
        differences.append(f"labels were {saved.labels} and are {begun.labels}")
    if saved.train_images != begun.train_images:
        differences.append(
            f"there were {saved.train_images} training images and are {begun.train_images}"
        )
    if digest(saved.tuned_from) != digest(begun.tuned_from):
        differences.append(f"init was {named(saved.tuned_from)} and is {named(begun.tuned_from)}")
    if saved.random_numbers != begun.random_numbers:
        differences.append(
            f"its random numbers were drawn in way {saved.random_numbers}, and this version draws "
            f"them in way {begun.random_numbers}"
        )
    if digest(saved.teacher) != digest(begun.teacher):
        differences.append(f"teacher was {named(saved.teacher)} and is {named(begun.teacher)}")
    if differences:
        raise InvalidInput(
            f"{run} holds another training: {'; '.join(differences)}; "
            "choose another run folder, or train as before"
        )
