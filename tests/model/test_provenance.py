"""A record names the machine, the command and the commit, wherever training ran."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from model import provenance

CHECKOUT = Path(__file__).parents[2]
TELL = "from model.provenance import command; print(command())"


def told(folder: Path, *command_line: object) -> str:
    ended = subprocess.run(
        list(map(str, command_line)),
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": f"{CHECKOUT}{os.pathsep}{folder}"},
    )
    return ended.stdout.strip()


def test_the_installed_script_is_named_as_it_is_typed(tmp_path: Path):
    script = tmp_path / "vitrine-model"
    script.write_text(f"#!{sys.executable}\n{TELL}\n")  # as an installer writes it
    script.chmod(0o755)
    assert told(tmp_path, script, "train", "--run", "my run") == (
        "vitrine-model train --run 'my run'"
    )


def test_a_module_is_named_with_its_interpreter_and_without_the_folder_of_that(tmp_path: Path):
    (tmp_path / "tell.py").write_text(TELL)
    command = told(tmp_path, sys.executable, "-m", "tell", "train")
    assert command == f"{Path(sys.executable).name} -m tell train"


def test_the_machine_is_named_with_its_cores():
    assert provenance.machine("cpu").endswith(" cores")


def test_where_the_kernel_tells_no_name_the_architecture_is_given(monkeypatch, tmp_path):
    for file in (tmp_path / "absent", tmp_path / "empty"):
        monkeypatch.setattr(provenance, "CPU_DESCRIPTION", file)
        assert provenance.processor() == platform.machine()
        (tmp_path / "empty").touch()


def test_outside_a_checkout_the_commit_is_unknown(monkeypatch, tmp_path: Path):
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "provenance.py"))
    assert provenance.commit() == "unknown"


@pytest.mark.parametrize("key", ["dataset", "command", "seed", "machine", "commit", "config"])
def test_the_record_holds(key, tiny_config):
    position = provenance.Position(tiny_config().model_dump(mode="json"), ["a", "b"], 10)
    assert key in provenance.provenance(position, epochs=1.0)


def test_where_git_is_not_installed_the_commit_is_unknown(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.commit() == "unknown"
