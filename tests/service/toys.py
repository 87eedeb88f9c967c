"""A model so small that a person knows which patches it looks at."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import numpy as np

from service.explanation.passes import Pass


class Toy:
    """Adds up what the patches are worth: the logit of class 1, against 0 for class 0."""

    def __init__(self, worth: Sequence[float]) -> None:
        self.worth = np.array(worth, np.float32)
        self.runs: list[Pass] = []

    def run(self, passes: Sequence[Pass]) -> list[dict[str, np.ndarray]]:
        """Answer passes of the attend graph."""
        self.runs += passes
        return [
            {
                "logits": np.array([0, self.worth[one.others["keep"]].sum()], np.float32),
                "token_norms": np.ones(len(one.others["keep"]), np.float32),
            }
            for one in passes
        ]

    def answer(self, exchange: Generator[list[Pass], Any, Any]) -> Any:
        """Run what a generator asks for until it returns, and give what it returns."""
        needed = next(exchange)
        while True:
            try:
                needed = exchange.send(self.run(needed))
            except StopIteration as finished:
                return finished.value
