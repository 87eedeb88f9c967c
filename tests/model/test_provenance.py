"""A record names the machine, the command and the commit, wherever training ran."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from model import provenance


def test_the_command_leaves_out_the_folder_of_the_interpreter():
    assert "/" not in provenance.command().split()[0]


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
