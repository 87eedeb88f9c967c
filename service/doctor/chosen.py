"""Which settings differ from their defaults, where each comes from, and what nobody reads."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from service.doctor.check import Check
from service.launch import SETTINGS_VARIABLE
from service.settings import Settings
from service.shared_folder import VARIABLE

PREFIX = "VITRINE_"
INTERNAL = {SETTINGS_VARIABLE, VARIABLE}  # what a supervisor tells its workers


def chosen(settings: Settings) -> Iterator[Check]:
    """Look at every setting that is not as it is by default, and at variables that are none."""
    variables = {name.upper(): name for name in os.environ if name.upper().startswith(PREFIX)}
    differing = _differing(settings, variables)
    if not differing:
        yield Check("settings", "ok", "all are as they are by default", facts={"settings": []})
    else:
        listed = ", ".join(f"{name} {item['value']} ({item['source']})" for name, item in differing)
        facts = {"settings": [{"name": name, **item} for name, item in differing]}
        yield Check("settings", "ok", listed, facts=facts)
    for variable in sorted(variables.keys() - _known() - INTERNAL):
        yield _unread(variables[variable])


def _differing(
    settings: Settings, variables: Mapping[str, str]
) -> list[tuple[str, dict[str, Any]]]:
    told = _told_by_variables()
    differing: list[tuple[str, dict[str, Any]]] = []
    for name, field in Settings.model_fields.items():
        value, variable = getattr(settings, name), f"{PREFIX}{name.upper()}"
        is_told = variable in variables and (told is None or getattr(told, name) == value)
        source = variable if is_told else f"--{name.replace('_', '-')}"
        item = {"value": _plain(value), "default": _plain(field.default), "source": source}
        if value != field.default:
            differing.append((name, item))
    return differing


def _told_by_variables() -> Settings | None:
    try:
        return Settings()
    except ValidationError:  # of a variable that does not fit, and in whose place a flag stands
        return None


def _plain(value: object) -> object:
    return value if isinstance(value, bool | int | float) else _text(value)


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _known() -> set[str]:
    return {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}


def _unread(variable: str) -> Check:
    meant = get_close_matches(variable.upper(), _known(), 1)
    return Check(
        "settings",
        "warning",
        f"{variable} is set, but there is no such setting",
        f"did you mean {meant[0]}?" if meant else "unset it; the README lists all settings",
        {"variable": variable},
    )
