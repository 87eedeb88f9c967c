"""Writes into the chart's schema what `settings` may hold: the fields of service/settings.py.

python docker/helm/schema.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from service.settings import Settings

SCHEMA = Path(__file__).parent / "vitrine" / "values.schema.json"
SET_BY_THE_CHART = {"host", "port", "bundles", "provider", "api_keys_file"}
REQUIRED = ["workers", "drain_seconds", "drain_delay_seconds"]  # the chart reckons with them
KEPT = {"type", "enum", "items", "description", "minimum", "exclusiveMinimum", "maximum"}


def settings_schema() -> dict[str, Any]:
    """Give the JSON Schema of the settings that an operator may choose."""
    fields = Settings.model_json_schema()["properties"]
    return {
        "type": "object",
        "additionalProperties": False,
        "required": REQUIRED,
        "properties": {
            name: _kept(field)
            for name, field in sorted(fields.items())
            if name not in SET_BY_THE_CHART
        },
    }


def _kept(field: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in field.items() if key in KEPT}
    if kept["type"] == "array":  # as a flag it is one text
        kept["description"] = kept["description"].replace(", separated by commas", "")
    return kept


def main() -> None:
    """Write the schema anew."""
    schema = json.loads(SCHEMA.read_text())
    schema["properties"]["settings"] = settings_schema()
    SCHEMA.write_text(json.dumps(schema, indent=2) + "\n")


if __name__ == "__main__":
    main()
