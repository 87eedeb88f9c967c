"""Every setting is a flag, a variable and a row of the README."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from service.cli import Serve, main
from service.settings import EMBEDDED_BUNDLES, Settings

README = Path(__file__).parents[2] / "README.md"
NAMES = list(Settings.model_fields)
VALUES = {
    "host": "0.0.0.0",
    "port": "81",
    "bundles": "/bundles",
    "default_model": "tiny",
    "provider": "cpu",
    "precision": "int8",
    "log_level": "debug",
    "cors_origins": "https://example.org",
    "log_format": "json",
    "access_log": "True",
}


def value_of(name: str) -> str:
    return VALUES.get(name, "7")


@pytest.fixture(scope="module")
def help_text() -> str:
    import contextlib
    import io

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), pytest.raises(SystemExit):
        main(["serve", "--help"])
    return printed.getvalue()


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_is_a_flag_with_a_description(help_text, name) -> None:
    assert re.search(rf"--{name.replace('_', '-')}[ ,]", help_text)
    assert Settings.model_fields[name].description


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_is_a_variable(monkeypatch, name) -> None:
    monkeypatch.setenv(f"VITRINE_{name.upper()}", value_of(name))
    value = getattr(Settings(), name)
    (text,) = value if isinstance(value, tuple) else (str(value),)
    assert str(text) in (value_of(name), f"{value_of(name)}.0")


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_has_its_row_in_the_readme(name) -> None:
    assert f"VITRINE_{name.upper()}" in README.read_text(encoding="utf-8")


def test_a_flag_wins_over_its_variable(monkeypatch) -> None:
    monkeypatch.setenv("VITRINE_MAX_QUEUE", "7")
    monkeypatch.setenv("VITRINE_MAX_IMAGES", "9")
    settings = Serve(max_queue=8)
    assert (settings.max_queue, settings.max_images) == (8, 9)


@pytest.mark.parametrize("text", ["1,4,8", "1, 4, 8"])
def test_batch_sizes_are_separated_by_commas(monkeypatch, text) -> None:
    monkeypatch.setenv("VITRINE_BATCH_SIZES", text)
    assert Settings().batch_sizes == (1, 4, 8)


def test_batch_sizes_are_numbers_from_one_on(monkeypatch) -> None:
    served: list[Settings] = []
    for text in ("0", "many"):
        with pytest.raises(SystemExit) as exit_of:
            main(["serve", "--batch-sizes", text])
        assert exit_of.value.code == 64
    monkeypatch.setattr("service.server.serve", lambda settings, early: served.append(settings))
    main(["serve", "--batch-sizes", "1,4"])
    assert served[0].batch_sizes == (1, 4)


def test_a_variable_that_does_not_fit_stops_the_command(monkeypatch, capsys) -> None:
    monkeypatch.setenv("VITRINE_MAX_QUEUE", "none")
    with pytest.raises(SystemExit) as exit_of:
        main(["serve"])
    assert exit_of.value.code == 64
    assert "max-queue" in capsys.readouterr().err


def test_the_embedded_bundles_are_the_default() -> None:
    assert Settings().bundles == EMBEDDED_BUNDLES


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 1
