"""The ratio of the feed-forward's width to the tokens', such that the product is exact."""

from __future__ import annotations

import math


def ratio_of(hidden: int, width: int) -> float:
    """Give the ratio for which int(width * ratio) is `hidden`, even where rounding is in the way.

    4304 / 1152 times 1152 is such a case: as floating-point numbers it may be just below 4304.
    """
    ratio = hidden / width
    return ratio if int(width * ratio) == hidden else math.nextafter(ratio, math.inf)
