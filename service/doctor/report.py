"""Writes what the doctor found, for people or for machines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from service import __version__
from service.doctor.check import Check, worst

STATUS_WIDTH, TOPIC_WIDTH = 9, 14


def as_text(checks: Sequence[Check]) -> str:
    """Give a line for each check, with its remedy, and one that counts them."""
    return "\n".join([*map(_line, checks), _summary(checks)])


def as_json(checks: Sequence[Check]) -> str:
    """Give one object: how all stands, and each check with its facts."""
    return json.dumps(
        {
            "status": worst(checks),
            "version": __version__,
            "checks": [asdict(check) for check in checks],
        },
        indent=2,
    )


def _line(check: Check) -> str:
    text = f"{check.found}; {check.remedy}" if check.remedy else check.found
    one_line = " ".join(text.split())
    return f"{check.status:{STATUS_WIDTH}}{check.topic:{TOPIC_WIDTH}} {one_line}"


def _summary(checks: Sequence[Check]) -> str:
    errors, warnings = (
        sum(check.status == status for check in checks) for status in ("error", "warning")
    )
    return f"{len(checks)} checks: {_counted(errors, 'error')}, {_counted(warnings, 'warning')}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
