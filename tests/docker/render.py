"""Renders the chart with Helm's own library: values by name come in as JSON, manifests go out.

It runs as a process of its own, since the library brings the runtime of another language along.
"""

from __future__ import annotations

import json
import sys

import helm_python


def main() -> None:
    """Render each set of values, or tell why Helm refuses it."""
    asked = json.load(sys.stdin)
    rendered = {}
    with helm_python.Chart.load(asked["chart"]) as chart:
        for name, values in asked["values"].items():
            try:
                files = chart.render(values, name=asked["release"], namespace="models")
            except helm_python.HelmError as error:
                rendered[name] = {"refusal": str(error)}
            else:
                rendered[name] = {"files": files}
    findings = helm_python.lint(asked["chart"], strict=True)
    json.dump({"rendered": rendered, "findings": findings}, sys.stdout)


if __name__ == "__main__":
    main()
