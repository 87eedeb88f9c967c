"""What the colours of a map stand for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from service.engine import Floats


@dataclass(frozen=True)
class Scale:
    """The scores that the two ends of the colour map stand for.

    Invariant: where it is signed, `min` is -`max`, and zero lies in the middle.
    """

    min: float
    max: float
    is_signed: bool = False

    @classmethod
    def of(
        cls,
        scores: Floats,
        *,
        signed: bool = False,
        clip: float = 100,
        fixed: tuple[float, float] | None = None,
    ) -> Scale:
        """Span the scores of a map, without the few beyond a percentile `clip` in [50, 100].

        `fixed` (low, high) overrides the scores. A signed scale reaches as far on both sides. Where
        the percentile would leave one value only, all scores are spanned.
        """
        values = np.abs(scores).astype(np.float64) if signed else scores.astype(np.float64)
        low, high = fixed or np.percentile(values, (100 - clip, clip)).tolist()
        if signed:
            high = high if fixed is None else max(abs(low), abs(high))
            low = 0.0 - high  # which is 0, not -0, where high is 0
        scale = cls(low, high, signed)
        return cls.of(scores, signed=signed) if scale.is_constant and clip < 100 else scale

    @property
    def is_constant(self) -> bool:
        """Whether there is nothing to tell apart."""
        return not self.max > self.min

    def shares(self, scores: Floats) -> Floats:
        """Put scores between 0 and 1; a constant map is 0 everywhere, a signed one 0.5."""
        if self.is_constant:
            return np.full_like(scores, 0.5 if self.is_signed else 0, dtype=np.float32)
        with np.errstate(over="ignore"):  # far beyond the scale is its end all the same
            shares = (scores.astype(np.float64) - self.min) / (self.max - self.min)
        return np.clip(shares, 0, 1).astype(np.float32)

    def at(self, share: float) -> float:
        """Give the score at a share of the scale."""
        return self.min + (self.max - self.min) * share
