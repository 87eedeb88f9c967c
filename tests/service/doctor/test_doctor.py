"""`vitrine doctor` as an operator types it."""

from __future__ import annotations

import json
import shutil

import pytest

from service import __version__
from service.cli import main
from service.errors import ContractError


@pytest.fixture
def doctor(tiny_bundles, capsys):
    """Run `vitrine doctor ...`; give exit code and output."""

    def run(*options: object) -> tuple[object, str]:
        arguments = ["doctor", "--port", "0", "--bundles", str(tiny_bundles), *map(str, options)]
        code: object = 0
        try:
            main(arguments)
        except SystemExit as exit_of:
            code = exit_of.code
        return code, capsys.readouterr().out

    return run


def test_all_that_is_sound_is_told_in_a_line_each(doctor) -> None:
    code, output = doctor("--workers", 2)
    *lines, summary = output.splitlines()
    assert code == 0
    assert all(line.split()[0] == "ok" for line in lines), output
    assert summary == f"{len(lines)} checks: 0 errors, 0 warnings"
    for words in (
        f"vitrine        {__version__}, Python",
        "workers 2 (--workers)",
        "limited by",
        "compiled in:",
        "CPUExecutionProvider",
        "tiny 1: digests and golden replay hold, 3 classes, computes on CPUExecutionProvider",
        "1 thread, spinning off, execution sequential",
        "tiny 1: fp32 as asked; the bundle offers fp32 (accuracy not on record)",
        "tiny 1; tiny answers when none is named",
        "tiny 1: the golden numbers of explain, attend and trace hold",
        "available now",
        "a worker takes, as measured,",
        "2 workers of 1 CPU thread each",
        "the workers share a folder in",
        "--max-connections 1,024 takes 1,224",
    ):
        assert words in output


def test_json_has_for_machines_what_the_lines_say(doctor, monkeypatch) -> None:
    monkeypatch.setenv("JSON", "of another program")
    monkeypatch.setenv("VITRINE_HOST", "0.0.0.0")
    code, output = doctor("--json", "--threads", 1)
    told = json.loads(output)
    by_topic = {check["topic"]: check for check in told["checks"]}
    assert (code, told["status"], told["version"]) == (0, "warning", __version__)
    assert by_topic["access"]["status"] == "warning"
    assert "vitrine key NAME --file FILE" in by_topic["access"]["remedy"]
    alone = {"workers": 1, "threads_of_each": 1, "cpu_for_each": False}
    assert by_topic["threads"]["facts"] == alone
    assert by_topic["session"]["facts"]["spinning"] is False
    assert by_topic["bundle"]["facts"]["digest"].startswith("sha256:")
    sources = {item["name"]: item["source"] for item in by_topic["settings"]["facts"]["settings"]}
    assert (sources["host"], sources["threads"]) == ("VITRINE_HOST", "--threads")
    (together,) = (
        check["facts"]["bytes_of_all"]
        for check in told["checks"]
        if "bytes_of_all" in check["facts"]
    )
    assert 20e6 < together["ready"] <= together["explaining"] < 2e9


def test_an_error_is_the_exit_code_and_the_other_checks_are_made(doctor, copy_bundle) -> None:
    broken, sound = copy_bundle(name="broken"), copy_bundle(name="sound")
    (broken / "classify.onnx").write_bytes(b"half")
    code, output = doctor("--bundles", broken.parents[1])
    (error,) = (line for line in output.splitlines() if line.startswith("error"))
    assert code == ContractError.exit_code
    assert "classify.onnx: expected sha256:" in error
    assert error.endswith("export the bundle again")
    assert f"{sound.parent.name} 1: the golden numbers of explain, attend and trace hold" in output
    assert "a worker takes" in output
    assert "1 error, 0 warnings" in output


def test_a_folder_without_bundles_is_an_error_with_its_remedy(doctor, tmp_path) -> None:
    code, output = doctor("--bundles", tmp_path)
    assert code == ContractError.exit_code
    assert f"{tmp_path} holds no bundle" in output
    assert "make one with 'vitrine-model export'" in output


def test_a_process_that_dies_of_a_bundle_is_told_and_does_not_end_the_doctor(
    doctor, tiny_bundles, tmp_path, monkeypatch
) -> None:
    dying = tmp_path / "python"
    dying.write_text('#!/bin/sh\necho \'{"at": "opening tiny"}\'\nkill -KILL $$\n')
    dying.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(dying))
    code, output = doctor()
    assert code == ContractError.exit_code
    assert "the process that was opening tiny ended by SIGKILL" in output
    assert "short of memory" in output
    assert "what a worker takes is not known" in output


def test_half_of_a_bundle_is_a_warning_and_what_is_staged_is_not(
    doctor, tiny_bundles, tmp_path
) -> None:
    bundles = tmp_path / "bundles"
    shutil.copytree(tiny_bundles, bundles)
    for version in ("2", ".3"):
        shutil.copytree(bundles / "tiny" / "1", bundles / "tiny" / version)
        (bundles / "tiny" / version / "contract.json").unlink()
    _, output = doctor("--bundles", bundles)
    (warning,) = (line for line in output.splitlines() if line.startswith("warning"))
    assert f"{bundles / 'tiny' / '2'} has" in warning
    assert "no contract.json: it is passed over" in warning
