"""When requests come: a curve over the day, and Poisson arrivals that follow it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HOUR_SECONDS = 3600
# Shares of the peak at each hour from midnight: quiet at night, busy from nine, most at eight.
SHARES = (
    *(0.35, 0.27, 0.22, 0.20, 0.20, 0.24, 0.33, 0.48, 0.66, 0.80, 0.89, 0.94),
    *(0.95, 0.93, 0.91, 0.90, 0.90, 0.92, 0.96, 0.99, 1.00, 0.88, 0.70, 0.50),
)


@dataclass(frozen=True)
class Day:
    """Images a second at the peak, and the share of it at each hour; straight lines between."""

    peak: float
    shares: tuple[float, ...] = SHARES

    def rate(self, at: float) -> float:
        """Give the images a second at so many seconds after midnight."""
        hour, rest = divmod(at / HOUR_SECONDS, 1)
        here = self.shares[int(hour) % len(self.shares)]
        there = self.shares[int(hour + 1) % len(self.shares)]
        return self.peak * (here + (there - here) * rest)

    def arrivals(self, at: float, random: np.random.Generator) -> NDArray[np.float64]:
        """Give the times at which images come in the second that begins then, in order."""
        count = random.poisson(self.rate(at + 0.5))
        return at + np.sort(random.random(count))
