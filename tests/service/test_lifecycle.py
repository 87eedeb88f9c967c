"""Start, load, answer under pressure, stop: what happens around a request."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
from starlette.background import BackgroundTask
from starlette.responses import Response

from service import cli
from service.contract import CONTRACT_FILE
from service.errors import (
    CallerGone,
    ContractError,
    DeadlineExceeded,
    InferenceFailed,
    ModelNotReady,
    Overloaded,
)
from tests.service.live import PATIENCE_SECONDS, VITRINE, Live, command, serving
from tests.service.pictures import draw, encode, text_of
from tests.service.problems import assert_problem, assert_problem_document
from tests.service.waiting import until

PNG = encode(draw())


def head_of_request(path: str, length: int) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: vitrine\r\nContent-Type: image/png\r\n"
        f"Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
    ).encode()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/web/nothing.js", 404),
        ("GET", "/classify", 405),
        ("DELETE", "/explain", 405),
        ("POST", "/health/live", 405),
        ("GET", "/models/huge", 404),
    ],
)
def test_what_is_not_there_is_answered_with_a_problem(live, method, path, status) -> None:
    response = live.client.request(method, path)
    assert response.status_code == status
    assert_problem_document(response)


def test_head_is_answered_with_the_headers_of_a_problem_and_no_body(live: Live) -> None:
    response = live.client.head("/classify")
    assert (response.status_code, response.content) == (405, b"")
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["allow"] == "POST"


def test_a_callers_request_id_comes_back(live: Live) -> None:
    response = live.client.get("/health/live", headers={"X-Request-Id": "my-id.7"})
    assert response.headers["x-request-id"] == "my-id.7"


@pytest.mark.parametrize("unsafe", ["x" * 65, "a b", "<script>", ""])
def test_an_unsafe_request_id_is_replaced(live: Live, unsafe) -> None:
    response = live.client.get("/health/live", headers={"X-Request-Id": unsafe})
    assert re.fullmatch(r"[0-9a-f]{32}", response.headers["x-request-id"])


@pytest.mark.parametrize("path", ["/", "/health/live", "/nothing", "/docs", "/models"])
def test_every_answer_carries_headers_that_protect_the_browser(live: Live, path) -> None:
    headers = live.client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "server" not in headers or "vitrine" not in headers["server"]


def test_models_are_listed_and_their_contracts_given(live: Live, tiny_bundle: Path) -> None:
    (model,) = live.client.get("/models").json()
    assert (model["name"], model["version"], model["is_default"]) == ("tiny", "1", True)
    assert model["labels"] == ["cat", "dog", "ship"]
    stored = json.loads((tiny_bundle / CONTRACT_FILE).read_text())
    assert live.client.get("/models/tiny").json() == stored
    assert live.client.get("/models/tiny", params={"version": "2"}).status_code == 404


def test_requests_are_counted_by_route_and_code(live: Live) -> None:
    counted = live.metric("vitrine_requests_total", route="/classify", code="415")
    rejected = live.metric("vitrine_rejected_total", reason="unsupported-media-type")
    live.client.post("/classify", content=b"hello")
    assert live.metric("vitrine_requests_total", route="/classify", code="415") == counted + 1
    now = live.metric("vitrine_rejected_total", reason="unsupported-media-type")
    assert now == rejected + 1


def test_unknown_paths_are_counted_as_one_route(live: Live) -> None:
    counted = live.metric("vitrine_requests_total", route="unmatched", code="404")
    for path in ("/a", "/b"):
        live.client.get(path)
    assert live.metric("vitrine_requests_total", route="unmatched", code="404") == counted + 2


def test_predicted_classes_are_counted(live: Live) -> None:
    label = live.client.post("/classify", content=PNG).json()["predictions"][0]["label"]
    counted = live.metric("vitrine_predicted_total", model="tiny", label=label)
    live.client.post("/classify", content=PNG)
    assert live.metric("vitrine_predicted_total", model="tiny", label=label) == counted + 1


def test_an_unforeseen_error_is_a_problem_that_tells_nothing_but_its_id(tiny_bundles) -> None:
    with serving(tiny_bundles) as server:

        @server.app.get("/break")
        async def break_down() -> None:
            raise RuntimeError("secret detail")

        response = server.client.get("/break")
        assert_problem(response, InferenceFailed, "log names this request's id")
        assert "secret" not in response.text
        assert response.headers["x-content-type-options"] == "nosniff"


def test_an_error_behind_a_whole_answer_is_not_swallowed(tiny_bundles, caplog) -> None:
    with serving(tiny_bundles) as server:

        @server.app.get("/late")
        async def late() -> Response:
            async def fail() -> None:
                raise RuntimeError("behind the answer")

            return Response("whole", background=BackgroundTask(fail))

        assert server.client.get("/late").text == "whole"
        until(lambda: "behind the answer" in caplog.text)


def test_liveness_answers_while_models_load_and_the_rest_says_not_ready(
    copy_bundle, tmp_path: Path
) -> None:
    folder = copy_bundle()
    text = (folder / CONTRACT_FILE).read_bytes()
    (folder / CONTRACT_FILE).unlink()
    os.mkfifo(folder / CONTRACT_FILE)  # reading it waits until it is written
    with serving(tmp_path / "bundles", wait=False) as server:
        assert server.client.get("/health/live").json() == {"status": "live"}
        for probe in ("/health/startup", "/health/ready"):
            response = server.client.get(probe)
            assert response.status_code == 503
            assert response.json() == {"status": "loading", "models": [], "fallback": False}
        response = server.client.post("/classify", content=PNG)
        assert_problem(response, ModelNotReady, "being loaded", "try again")
        assert response.headers["retry-after"] == "1"
        assert server.client.get("/models").json() == []
        with (folder / CONTRACT_FILE).open("wb") as waited_for:
            (folder / "new").write_bytes(text)
            (folder / "new").replace(folder / CONTRACT_FILE)
            waited_for.write(text)
        until(lambda: server.client.get("/health/ready").status_code == 200)
        assert server.client.get("/health/startup").json()["models"][0]["name"] == "tiny"


def test_a_draining_server_is_live_but_not_ready(tiny_bundles) -> None:
    with serving(tiny_bundles) as server:
        server.context.is_draining = True
        assert server.client.get("/health/live").status_code == 200
        assert server.client.get("/health/ready").json()["status"] == "draining"
        assert server.client.get("/health/ready").status_code == 503


def test_an_answer_that_comes_too_late_is_a_deadline_exceeded(tiny_bundles) -> None:
    with serving(tiny_bundles, deadline_seconds=0.2) as server, server.busy_engine():
        response = server.client.post("/classify", content=PNG)
        assert_problem(response, DeadlineExceeded, "longer than 0.2 s", "try again")
        assert server.metric("vitrine_queue_depth", lane="classify") <= 1


def test_a_full_queue_refuses_at_once_and_says_when_to_come_back(tiny_bundles) -> None:
    with serving(tiny_bundles, max_queue=2) as server:
        response = server.client.post("/classify", json={"images": [text_of(PNG)] * 3})
        assert_problem(response, Overloaded, "3 more", "the queue's 2", "try again")
        assert response.headers["retry-after"] == "1"
        assert server.metric("vitrine_rejected_total", reason="overloaded") == 1
        assert server.client.post("/classify", content=PNG).status_code == 200


def test_probes_and_metrics_answer_while_the_engine_is_busy(live: Live) -> None:
    with ThreadPoolExecutor() as callers, live.busy_engine():
        answers = [callers.submit(live.client.post, "/classify", content=PNG) for _ in range(4)]
        until(lambda: live.metric("vitrine_queue_depth", lane="classify") == 4)
        assert live.client.get("/health/ready").status_code == 200
        assert live.metric("vitrine_requests_in_flight") >= 4
    assert [answer.result().status_code for answer in answers] == [200] * 4


def test_a_caller_who_leaves_the_queue_is_skipped(tiny_bundles) -> None:
    with serving(tiny_bundles, max_batch_size=1) as server:
        gone = {"route": "/classify", "code": str(CallerGone.status)}
        with ThreadPoolExecutor() as callers, server.busy_engine():
            first = callers.submit(server.client.post, "/classify", content=PNG)
            until(lambda: server.metric("vitrine_queue_depth", lane="classify") == 1)
            with socket.create_connection(server.address) as caller:
                request = head_of_request("/classify", len(PNG)).replace(b"Expect", b"X-Expect")
                caller.sendall(request + PNG)
                until(lambda: server.metric("vitrine_queue_depth", lane="classify") == 2)
            until(lambda: server.metric("vitrine_requests_total", **gone) == 1)
        assert first.result().status_code == 200
        assert server.client.post("/classify", content=PNG).status_code == 200
        assert server.metric("vitrine_batch_size_sum", lane="classify") == 2
        assert server.metric("vitrine_callers_gone_total") == 1
        assert server.metric("vitrine_rejected_total") == 0


def test_a_caller_who_leaves_amid_the_body_is_no_failure_of_the_service(tiny_bundles, caplog):
    with serving(tiny_bundles) as server:
        with socket.create_connection(server.address) as caller:
            caller.sendall(head_of_request("/classify", 1000))
            assert b"100 Continue" in caller.recv(1000)
        gone = {"route": "/classify", "code": str(CallerGone.status)}
        until(lambda: server.metric("vitrine_requests_total", **gone) == 1)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_many_callers_at_once_get_their_own_answers(live: Live) -> None:
    pictures = [encode(draw(seed=seed)) for seed in range(6)]

    def classify(data: bytes) -> list:
        return live.client.post("/classify", content=data).json()["predictions"]

    alone = [classify(data) for data in pictures]
    with ThreadPoolExecutor(6) as callers:
        together = list(callers.map(classify, pictures * 4))
    for found, expected in zip(together, alone * 4, strict=True):
        assert [item["label"] for item in found] == [item["label"] for item in expected]
        assert found[0]["probability"] == pytest.approx(expected[0]["probability"], abs=1e-4)


def test_the_command_says_where_to_look_and_sigterm_finishes_what_was_accepted(tiny_bundles):
    with command(tiny_bundles) as server:
        assert httpx.get(f"{server.address}/health/ready").status_code == 200
        with socket.create_connection(server.host_and_port, timeout=PATIENCE_SECONDS) as caller:
            caller.sendall(head_of_request("/classify", len(PNG)))
            assert b"100 Continue" in caller.recv(1000)
            server.process.send_signal(signal.SIGTERM)
            until(lambda: is_refused(server.host_and_port))
            caller.sendall(PNG)
            answer = b"".join(iter(lambda: caller.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200")
        assert server.process.wait(PATIENCE_SECONDS) == 0


def is_refused(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=1).close()
    except OSError:
        return True
    return False


@pytest.fixture
def heeded_interrupts() -> Iterator[None]:
    """Undo what a shell does to background jobs: they, and their children, ignore SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeded_interrupts")
def test_an_interrupted_command_exits_as_interrupted(tiny_bundles) -> None:
    with command(tiny_bundles) as server:
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(PATIENCE_SECONDS) == 130


def test_a_broken_bundle_stops_the_command_with_every_wrong_key(copy_bundle) -> None:
    def spoil(contract) -> None:
        contract["labels"] = ["cat"]
        contract["preprocessing"]["std"] = [0, 1, 1]
        contract["colour"] = "blue"

    ended = subprocess.run(
        [VITRINE, "serve", "--port", "0", "--bundles", str(copy_bundle(spoil))],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert ended.returncode == ContractError.exit_code == 78
    for key in ("/labels", "/preprocessing/std/0", "/colour"):
        assert key in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


@pytest.fixture
def serve_in_this_process(capsys):
    """Run `vitrine serve` in this process; give its exit code and what it printed."""
    original = signal.getsignal(signal.SIGTERM)

    def run(*options: object) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as exit_of:
            cli.main(["serve", "--port", "0", *map(str, options)])
        return exit_of.value.code, *capsys.readouterr()

    yield run
    signal.signal(signal.SIGTERM, original)


def falsify_golden(folder: Path, **changes) -> bytes:
    with np.load(folder / "golden.npz") as stored:
        arrays = dict(stored)
    for name, change in changes.items():
        arrays[name] = change(arrays[name])
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("array", "words"),
    [("pixel_values", "golden pixel values are off by 0.5"), ("logits", "golden logits are off")],
)
def test_a_bundle_with_false_golden_numbers_is_not_served(
    copy_bundle, tiny_bundle, serve_in_this_process, array, words
) -> None:
    golden = falsify_golden(tiny_bundle, **{array: lambda numbers: numbers + 0.5})
    folder = copy_bundle(files={"golden.npz": golden})
    code, _, errors = serve_in_this_process("--bundles", folder)
    assert code == 78
    assert words in errors


def test_a_bundle_whose_maps_are_false_classifies_but_does_not_explain(
    copy_bundle, tiny_bundle
) -> None:
    golden = falsify_golden(tiny_bundle, relevance=lambda numbers: numbers + 0.5)
    with serving(copy_bundle(files={"golden.npz": golden})) as server:
        assert server.client.post("/classify", content=PNG).status_code == 200
        response = server.client.post("/explain", content=PNG)
        assert_problem(response, ContractError, "golden relevance are off by 0.5")


def test_a_bundle_with_no_golden_pictures_is_not_served(
    copy_bundle, tiny_bundle, serve_in_this_process
):
    none = {name: lambda array: array[:0] for name in ("logits", "pixel_values", "relevance")}
    folder = copy_bundle(files={"golden.npz": falsify_golden(tiny_bundle, **none)})
    code, _, errors = serve_in_this_process("--bundles", folder)
    assert code == 78
    assert "golden.npz" in errors


def test_an_empty_folder_is_not_served(tmp_path, serve_in_this_process) -> None:
    code, _, errors = serve_in_this_process("--bundles", tmp_path)
    assert code == 78
    assert "holds no bundle; expected NAME/VERSION/contract.json" in errors


def test_a_default_model_that_is_not_there_stops_the_start(tiny_bundles, serve_in_this_process):
    code, _, errors = serve_in_this_process("--bundles", tiny_bundles, "--default-model", "huge")
    assert code == 78
    assert "default_model 'huge' is not served; there are tiny" in errors


def test_two_bundles_of_one_name_and_version_are_refused(copy_bundle, serve_in_this_process):
    folder = copy_bundle()
    shutil.copytree(folder, folder.with_name("2"))
    code, _, errors = serve_in_this_process("--bundles", folder.parents[1])
    assert code == 78
    assert "are both tiny version 1; remove one" in errors


def test_cuda_without_cuda_stops_the_start(tiny_bundles, serve_in_this_process) -> None:
    code, _, errors = serve_in_this_process("--bundles", tiny_bundles, "--provider", "cuda")
    assert code == 69
    assert "offers only" in errors
    assert "install the extra gpu in place of cpu" in errors


def test_a_failure_that_nobody_foresaw_stops_the_start_too(copy_bundle, serve_in_this_process):
    folder = copy_bundle()
    (folder / CONTRACT_FILE).unlink()
    (folder / CONTRACT_FILE).mkdir()
    code, _, errors = serve_in_this_process("--bundles", folder.parents[1])
    assert code == 78
    assert "cannot be opened" in errors


def test_serve_ends_with_success_when_it_is_terminated(tiny_bundles, capsys) -> None:
    original = signal.getsignal(signal.SIGTERM)
    printed: list[str] = []

    def terminate_once_ready() -> None:
        until(lambda: printed.append(capsys.readouterr().out) or "ready" in "".join(printed))
        os.kill(os.getpid(), signal.SIGTERM)

    watcher = threading.Thread(target=terminate_once_ready)
    watcher.start()
    try:
        cli.main(["serve", "--port", "0", "--bundles", str(tiny_bundles)])
    finally:
        watcher.join(PATIENCE_SECONDS)
        signal.signal(signal.SIGTERM, original)
    assert re.search(r"page +http://127\.0\.0\.1:\d+/\n", "".join(printed))


def test_the_latest_version_answers_unless_another_is_named(copy_bundle) -> None:
    for version in ("9", "10", "10-rc1"):
        folder = copy_bundle(version=version)
    with serving(folder.parents[1]) as server:

        def version_of(**query: str) -> str:
            return server.client.post("/classify", params=query, content=PNG).json()["model"][
                "version"
            ]

        assert version_of() == version_of(model="tiny") == "10"
        assert version_of(version="9") == "9"
        listed = [model["version"] for model in server.client.get("/models").json()]
        assert listed == ["10", "10-rc1", "9"]


def test_a_port_that_is_taken_is_named_with_the_remedy(tiny_bundles) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [VITRINE, "serve", "--port", str(port), "--bundles", str(tiny_bundles)],
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )
    assert ended.returncode == 64
    assert f"port {port} cannot be listened on" in ended.stderr
    assert "choose another with --host and --port" in ended.stderr
