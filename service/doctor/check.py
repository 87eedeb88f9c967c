"""What the doctor found: one thing that was looked at, how it stands, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["ok", "warning", "error"]


@dataclass(frozen=True)
class Check:
    """`remedy` is empty where all is well; `facts` says for machines what `found` says in words."""

    topic: str
    status: Status
    found: str
    remedy: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def worst(checks: Iterable[Check]) -> Status:
    """Give how all of them stand: as the worst does."""
    statuses = {check.status for check in checks}
    return "error" if "error" in statuses else "warning" if "warning" in statuses else "ok"


def mebibytes(count: float) -> str:
    """Write bytes for people."""
    return f"{count / 2**20:,.0f} MiB"
