"""What the doctor says of address, files, settings, limits, traces and libraries."""

from __future__ import annotations

import socket
import sys

import pytest

from service.doctor.bounds import bounds
from service.doctor.chosen import chosen
from service.doctor.providers import CUDA, cuda_problems, providers
from service.doctor.reach import reach
from service.doctor.traces import traces
from service.doctor.versions import builds
from service.settings import Settings
from service.shared_folder import MEMORY


def found(topic: str, **settings: object):
    return next(check for check in reach(Settings(**settings)) if check.topic == topic)


def test_a_port_that_another_program_has_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = found("address", port=taken.getsockname()[1])
    assert address.status == "error"
    assert "cannot be listened on: Address already in use" in address.found
    assert "--port" in address.remedy


def test_a_port_that_a_vitrine_has_is_a_warning(live) -> None:
    address = found("address", port=live.address[1])
    assert address.status == "warning"
    assert "a Vitrine listens" in address.found


def test_a_port_that_is_free_stays_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert found("address", port=port).status == "ok"
    socket.create_server(("127.0.0.1", port)).close()


def test_an_address_of_another_machine_is_an_error() -> None:
    assert found("address", host="192.0.2.1").status == "error"


@pytest.mark.skipif(sys.platform == "win32", reason="asks Unix")
def test_more_connections_than_files_are_a_warning() -> None:
    import resource

    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = found("open files", max_connections=allowed)
    assert files.status == "warning"
    assert f"ulimit -n {allowed + 200}" in files.remedy


def test_workers_need_a_folder_that_they_share(monkeypatch, tmp_path) -> None:
    before = set(MEMORY.glob("vitrine-*"))
    assert found("shared folder", workers=2).status == "ok"
    assert found("shared folder", workers=10**9).status == "warning"
    assert set(MEMORY.glob("vitrine-*")) <= before
    monkeypatch.setattr("service.shared_folder.MEMORY", tmp_path / "none")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "neither"))
    folder = found("shared folder", workers=2)
    assert folder.status == "error"
    assert "TMPDIR" in folder.remedy


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"max_queue_bytes": 1000}, "--max-body-bytes allows it"),
        ({"max_image_bytes": 10**9}, "never fits --max-body-bytes"),
        ({"max_queue": 10}, "request of --max-images 64 is always refused"),
        ({"batch_sizes": [512]}, "a batch of 512 is never full"),
        ({"drain_seconds": 5}, "cut off 5 s after the listener closed"),
        ({"keep_alive_seconds": 60}, "answer with 502"),
    ],
)
def test_limits_that_contradict_each_other_are_a_warning(settings, words) -> None:
    summary, contradiction = bounds(Settings(**settings))
    assert (summary.status, contradiction.status) == ("ok", "warning")
    assert words in contradiction.found


def test_limits_as_they_are_by_default_fit() -> None:
    assert [check.status for check in bounds(Settings())] == ["ok"]


def test_a_variable_that_is_no_setting_is_a_warning_with_what_was_meant(monkeypatch) -> None:
    monkeypatch.setenv("VITRINE_MAX_QUE", "7")
    monkeypatch.setenv("VITRINE_MAX_IMAGES", "9")
    settings, unread = chosen(Settings(workers=2))
    assert settings.found == "workers 2 (--workers), max_images 9 (VITRINE_MAX_IMAGES)"
    assert (unread.status, unread.remedy) == ("warning", "did you mean VITRINE_MAX_QUEUE?")


def test_a_flag_is_named_where_it_wins_over_its_variable(monkeypatch) -> None:
    monkeypatch.setenv("VITRINE_MAX_IMAGES", "9")
    (settings,) = chosen(Settings(max_images=8))
    assert settings.found == "max_images 8 (--max-images)"


def test_settings_as_they_are_by_default_are_told_so() -> None:
    (settings,) = chosen(Settings())
    assert settings.found == "all are as they are by default"


def test_traces_are_off_where_no_variable_asks_for_them() -> None:
    (off,) = traces({})
    assert (off.status, off.facts) == ("ok", {"variables": []})


def test_a_collector_that_does_not_answer_is_a_warning(monkeypatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as collector:
        address = f"http://127.0.0.1:{collector.getsockname()[1]}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=secret")
        (answering,) = traces()
    (silent,) = traces()
    assert (answering.status, silent.status) == ("ok", "warning")
    assert answering.facts["variables"] == [
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_HEADERS",
    ]
    assert "secret" not in repr((answering, silent))


def test_a_protocol_that_is_not_spoken_is_an_error() -> None:
    (wrong,) = traces(
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        }
    )
    assert wrong.status == "error"
    assert "4318" in wrong.remedy


def test_traces_whose_package_is_missing_are_an_error(monkeypatch) -> None:
    monkeypatch.delitem(sys.modules, "service.spans", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    (missing,) = traces({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"})
    assert (missing.status, missing.found.endswith("OpenTelemetry is not installed")) == (
        "error",
        True,
    )
    assert missing.remedy.startswith("run pip install 'vitrine[otel]', or unset ")


def test_cuda_that_is_not_compiled_in_is_an_error_where_it_is_asked_for() -> None:
    offered = ["CPUExecutionProvider"]
    assert [check.status for check in providers("auto", offered)] == ["ok"]
    (wrong,) = providers("cuda", offered)
    assert (wrong.status, "extra gpu" in wrong.remedy) == ("error", True)


def test_what_cuda_lacks_is_named_by_the_system(tmp_path) -> None:
    driver, library = cuda_problems("warning", tmp_path, "libnone.so.1")
    assert "libnone.so.1: cannot open shared object file" in driver.found
    assert f"{tmp_path}/libonnxruntime_providers_shared.so" in library.found
    assert {driver.status, library.status} == {"warning"}


def test_cuda_is_not_looked_at_where_the_cpu_is_asked_for() -> None:
    assert len(list(providers("cpu", [CUDA, "CPUExecutionProvider"]))) == 1


def test_two_builds_of_onnxruntime_are_a_warning() -> None:
    assert builds(["numpy", "onnxruntime"]) == []
    (both,) = builds(["onnxruntime-gpu", "onnxruntime"])
    assert "pip uninstall onnxruntime onnxruntime-gpu" in both.remedy
