"""What was found out about a source, and from where: shown before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Fact:
    """One thing that was read or assumed, in words; `origin` is the file or flag it comes from."""

    what: str
    value: str
    origin: str


def report(facts: Sequence[Fact], warnings: Sequence[str]) -> str:
    """Give one line for every fact, then one for every warning."""
    widest = max((len(fact.what) for fact in facts), default=0) + 1
    lines = [f"{fact.what + ':':<{widest}} {fact.value}  ({fact.origin})" for fact in facts]
    return "\n".join([*lines, *(f"warning: {warning}" for warning in warnings)])
