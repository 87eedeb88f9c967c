"""Numbers on the guide's page, beside those that torch computes."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page
from torch import Tensor

from tests.web.guide.visitor import numbers, verdict


def number_in(text: str) -> float:
    """Give the last number of a text."""
    words = text.replace("\u2212", "-").replace("%", "").split()
    return float(words[-1].strip(".,"))


def close(value: float, places: float = 1e-4) -> object:
    return pytest.approx(value, rel=places, abs=places)


def assert_recomputed(page: Page, expected: Tensor) -> None:
    """Check that what the server sent and what the page recomputed is what torch computes."""
    assert verdict(page) == "true"
    sent, recomputed = (numbers(page)[name] for name in ("Sent by the model", "Computed here"))
    assert sent == close(float(expected))
    assert recomputed == close(float(expected))
