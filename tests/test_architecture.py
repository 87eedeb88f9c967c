"""What may import what: the contracts of `pyproject.toml`, and two processes as a second proof."""

from __future__ import annotations

import subprocess
import sys

BLOCKED = ("torch", "onnx", "model")


def test_the_import_contracts_are_kept() -> None:
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout


def test_the_service_is_imported_where_torch_onnx_and_the_model_are_blocked() -> None:
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({BLOCKED}));"
        "import service.app, service.cli, service.server, service.local, service.doctor"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_importing_the_command_loads_neither_onnxruntime_sessions_nor_the_http_stack() -> None:
    code = "import sys, service.cli; print({'fastapi', 'starlette', 'uvicorn'} & set(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ended.stdout == "set()\n"
