"""How a model came to be: enough to do it again."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from model.commands import PROGRAM
from model.position import Position

CPU_DESCRIPTION = Path("/proc/cpuinfo")


def provenance(position: Position, epochs: float) -> dict[str, Any]:
    """Give the record of a training so far, `epochs` long, in plain values for JSON."""
    config = position.config
    return {
        "dataset": ", ".join(Path(source).name for source in config["data"]),
        "dataset_images": position.train_images,
        "recipe": config["recipe"],
        "command": command(),
        "seed": config["seed"],
        "epochs": round(epochs, 2),
        "images_seen": position.images_seen,
        "wall_seconds": round(position.wall_seconds, 1),
        "machine": machine(config["device"]),
        "taught_by": taught_by(position),
        "commit": commit(),
        "tuned_from": position.tuned_from,
        "best_epoch": None if position.best is None else position.best["epoch"],
        "best": position.best,
        "class_counts": position.class_counts,
        "history": position.history,
        "config": config,
    }


def taught_by(position: Position) -> dict[str, Any] | None:
    """Give which classifier a training follows and how, none where there is no teacher."""
    if position.teacher is None:
        return None
    config = position.config
    return {
        **position.teacher,
        "distillation": config["distillation"],
        "weight": config["distillation_weight"],
        "token": config["distillation_token"],
    }


def command() -> str:
    """Give the command line of this process as it is typed, without the folder of its program.

    The installed script is run by an interpreter that nobody typed.
    """
    if Path(sys.argv[0]).name == PROGRAM:
        return shlex.join([PROGRAM, *sys.argv[1:]])
    program, *arguments = sys.orig_argv
    return shlex.join([Path(program).name, *arguments])


def machine(device: str) -> str:
    """Name the processor and its cores, and the GPU where one is used."""
    name = f"{processor()}, {os.cpu_count()} cores"
    if device == "auto" and torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()}, {name}"
    return name


def processor() -> str:
    """Give the processor's name as the kernel tells it, its architecture elsewhere."""
    if CPU_DESCRIPTION.is_file():
        for line in CPU_DESCRIPTION.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def commit() -> str:
    """Give the commit of the source this runs from, "unknown" outside a checkout."""
    try:
        result = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:  # git is not installed
        return "unknown"
    return result.stdout.strip() or "unknown"
