"""Lists as people write them in a flag or a variable: separated by commas."""

from __future__ import annotations


def split_at_commas(value: object) -> object:
    """Give the parts of a text, and whatever is no text as it is."""
    if not isinstance(value, str):
        return value
    return [part.strip() for part in value.split(",") if part.strip()]
