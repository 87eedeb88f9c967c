"""How long a run of so many images takes, learnt from the runs that were."""

from __future__ import annotations

MEMORY = 0.98  # the weight of what was known, at each run: about the last fifty count


class LatencyFit:
    """The line `seconds = a * images + b`, by least squares over the latest runs.

    Invariant: neither a nor b is negative, whatever was measured.
    """

    def __init__(self) -> None:
        self._weight = self._images = self._seconds = self._squares = self._products = 0.0
        self._slope = self._base = 0.0

    def observe(self, images: int, seconds: float) -> None:
        """Learn from one run."""
        self._weight = MEMORY * self._weight + 1
        self._images = MEMORY * self._images + images
        self._seconds = MEMORY * self._seconds + seconds
        self._squares = MEMORY * self._squares + images * images
        self._products = MEMORY * self._products + images * seconds
        self._slope, self._base = self._line()  # it is asked for more often than it changes

    def seconds(self, images: int) -> float:
        """Predict a run's time; 0 before the first was seen."""
        return self._slope * images + self._base

    def _line(self) -> tuple[float, float]:
        spread = self._weight * self._squares - self._images**2
        proportional = self._products / self._squares, 0.0
        if spread < 1e-6 * self._weight * self._squares:  # all runs had the same size
            return proportional
        slope = (self._weight * self._products - self._images * self._seconds) / spread
        base = (self._seconds - slope * self._images) / self._weight
        if slope < 0:
            return 0.0, self._seconds / self._weight
        return (slope, base) if base >= 0 else proportional
