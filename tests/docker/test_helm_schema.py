"""What the chart's files say without Helm: its schema, its version, its defaults."""

from __future__ import annotations

import json
import runpy

import jsonschema
import pytest
import yaml

from service import __version__
from service.settings import Settings
from tests.docker.chart import CHART, REFUSED, VALUES
from tests.docker.folder import DOCKER

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text())


def merged(values: dict, below: dict = DEFAULTS) -> dict:
    """Put values over the defaults as Helm does: maps are merged, and null takes away."""
    both = {**below, **values}
    return {
        key: merged(value, below.get(key) or {}) if isinstance(value, dict) else value
        for key, value in both.items()
        if value is not None
    }


def test_settings_are_those_of_the_service() -> None:
    generated = runpy.run_path(str(DOCKER / "helm" / "schema.py"))
    assert SCHEMA["properties"]["settings"] == generated["settings_schema"](), (
        "run python docker/helm/schema.py"
    )
    of_the_chart = generated["SET_BY_THE_CHART"]
    assert {*SCHEMA["properties"]["settings"]["properties"], *of_the_chart} == set(
        Settings.model_fields
    )


@pytest.mark.parametrize("name", VALUES)
def test_values_that_are_meant_are_accepted(name) -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    jsonschema.validate(merged(VALUES[name]), SCHEMA)


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_values_are_refused(name) -> None:
    values, _ = REFUSED[name]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(merged(values), SCHEMA)


def test_every_default_is_known_to_the_schema_and_has_its_row_in_the_readme() -> None:
    assert set(DEFAULTS) == set(SCHEMA["properties"]) - {"global"}
    readme = (CHART / "README.md").read_text()
    assert [name for name in DEFAULTS if f"| `{name}" not in readme] == []


def test_the_chart_deploys_this_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)
