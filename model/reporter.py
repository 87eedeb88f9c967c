"""What a training shows: a progress bar or log lines, a CSV of epochs, curves for TensorBoard."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from torch.utils.tensorboard import SummaryWriter

from model.checkpoint import write_atomically
from model.validation import BY_CLASS

CURVES = {"validation_accuracy", "balanced_accuracy", "validation_loss", "learning_rate"}


class Reporter:
    """Shows one process's view of a training: a bar on a terminal, else a line per report.

    Use it as a context manager: leaving it restores the terminal and closes the curves.
    """

    def __init__(self, run: Path, first_step: int, console: Console | None = None) -> None:
        self.run = run
        self.console = console or Console(stderr=True, highlight=False)
        self.curves = SummaryWriter(str(run / "tensorboard"), purge_step=first_step)
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.task = self.bar.add_task("starting", total=1.0)

    def __enter__(self) -> Reporter:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()
        self.curves.close()

    def line(self, text: str) -> None:
        """Print a line with the time, above the bar where there is one."""
        self.bar.console.print(f"{time.strftime('%H:%M:%S')}  {text}", soft_wrap=True)

    def steps(
        self,
        step: int,
        progress: float,
        loss: float,
        accuracy: float,
        images_per_second: float,
        seconds_left: float,
    ) -> None:
        """Show how training goes: means over the steps since the last report."""
        text = (
            f"step {step}  loss {loss:.4f}  accuracy {accuracy:.3f}  "
            f"{images_per_second:.0f} images/s  {clock(seconds_left)} left"
        )
        if self.console.is_terminal:
            self.bar.update(self.task, completed=min(progress, 1.0), description=text)
        else:
            self.line(f"{100 * progress:5.1f} %  {text}")
        self.curves.add_scalar("train/loss", loss, step)
        self.curves.add_scalar("train/accuracy", accuracy, step)
        self.curves.add_scalar("train/images_per_second", images_per_second, step)

    def epoch(self, step: int, history: Sequence[dict[str, float]]) -> None:
        """Show the last row of the history and write all of it to metrics.csv."""
        row = history[-1]
        shown = {name: value for name, value in row.items() if not name.startswith(BY_CLASS)}
        self.line("  ".join(f"{name} {value}" for name, value in shown.items()))
        for name in CURVES & row.keys():
            self.curves.add_scalar(name, row[name], step)
        self.curves.flush()
        table = io.StringIO()
        writer = csv.DictWriter(table, list(row))
        writer.writeheader()
        writer.writerows(history)
        write_atomically(self.run / "metrics.csv", table.getvalue().encode())


def clock(seconds: float) -> str:
    """Give a duration as hours:minutes:seconds."""
    minutes, whole = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{whole:02}"
