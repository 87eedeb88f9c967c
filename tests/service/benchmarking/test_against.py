"""`vitrine benchmark --against`: any HTTP server, ours or another, in the form that it reads."""

from __future__ import annotations

import base64
import json

import pytest

from service.benchmarking.request import body_of, request_bytes, target_of
from service.cli import main
from service.errors import InvalidParameter
from tests.service.benchmarking.answering import BUSY, after, answering
from tests.service.live import Live
from tests.service.pictures import draw, encode

PICTURE = encode(draw(), "JPEG")
QUICK = ("--rounds", "1", "--seconds", "0.05", "--warm-up", "0")


@pytest.fixture
def against(tmp_path):
    """Run the command against an address; give its JSON."""
    (tmp_path / "cat.jpg").write_bytes(PICTURE)

    def run(address: tuple[str, int], *options: str) -> dict:
        url, output = f"http://{address[0]}:{address[1]}", tmp_path / "out.json"
        given = ["--against", url, "--image", str(tmp_path / "cat.jpg"), "--output", str(output)]
        main(["benchmark", *given, *QUICK, *options])
        return json.loads(output.read_text())

    return run


@pytest.mark.parametrize("form", ["raw", "multipart", "json"])
def test_a_picture_is_sent_in_the_form_that_is_asked_for(live: Live, against, capsys, form):
    found = against(live.address, "--callers", "1,2", "--body", form)
    assert [line["load"] for line in found["lines"]] == ["1 caller", "2 callers"]
    for line in found["lines"]:
        assert line["errors"] == {}
        assert 0 < line["latency_ms"]["p50"] <= line["latency_ms"]["p99_9"]
    assert "| 2 callers " in capsys.readouterr().out


def test_arrivals_are_sent_at_each_rate(live: Live, against):
    found = against(live.address, "--rate", "50,100", "--schedule", "fixed", "--connect-each")
    each = "a second, fixed, a connection each"
    assert [line["load"] for line in found["lines"]] == [f"50 {each}", f"100 {each}"]
    assert [line["latency_ms"]["count"] for line in found["lines"]] == [2, 5]


def test_headers_path_and_type_reach_another_server(against):
    with answering(after(0)) as seen:
        against(
            seen.address, "--callers", "1", "--path", "/predict?k=1", "--content-type", "image/x",
            "--header", "Authorization: Bearer abc", "--header", "Accept: text/html, image/*",
        )  # fmt: skip
    head, _, body = seen.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /predict?k=1 HTTP/1.1\r\n")
    lines = head.decode().split("\r\n")
    assert {"Authorization: Bearer abc", "Accept: text/html, image/*", "Content-Type: image/x"} <= {
        *lines
    }
    assert body == PICTURE


def test_a_part_and_a_key_have_the_name_that_is_asked_for():
    multipart = body_of(PICTURE, "multipart", "file")
    assert multipart.content_type.startswith("multipart/form-data; boundary=")
    assert b'name="file"; filename="picture"\r\nContent-Type: image/jpeg' in multipart.content
    document = json.loads(body_of(PICTURE, "json", "inputs").content)
    assert base64.b64decode(document["inputs"]) == PICTURE


def test_the_type_of_a_picture_is_that_of_its_bytes():
    assert body_of(PICTURE).content_type == "image/jpeg"
    assert body_of(encode(draw())).content_type == "image/png"
    assert body_of(b"unknown").content_type == "application/octet-stream"


def test_a_request_is_whole():
    request = request_bytes("host:80", "/classify", body_of(b"picture"))
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /classify HTTP/1.1\r\nHost: host:80\r\n")
    assert b"Content-Length: 7" in head
    assert body == b"picture"


def test_the_path_of_an_address_goes_first():
    assert target_of("http://127.0.0.1:9/predict", "/classify").path == "/predict"
    assert target_of("127.0.0.1:9", "/classify").path == "/classify"
    assert target_of("http://localhost", "/").address[1] == 80


@pytest.mark.parametrize(
    "address", ["https://127.0.0.1", "ftp://127.0.0.1", "http://", "http://a:x"]
)
def test_an_address_that_cannot_be_measured_is_refused(address):
    with pytest.raises(InvalidParameter, match="is not measured; give an address like"):
        target_of(address, "/")


def refused(capsys, *options: str) -> str:
    with pytest.raises(SystemExit) as exit_:
        main(["benchmark", *options])
    assert exit_.value.code != 0
    return capsys.readouterr().err


def test_a_server_that_is_not_there_is_named(capsys):
    errors = refused(capsys, "--against", "127.0.0.1:1", *QUICK)
    assert "http://127.0.0.1:1 cannot be reached: Connection refused; start the server" in errors


def test_a_server_that_answers_nothing_with_200_ends_it(capsys):
    with answering(after(0, BUSY)) as seen:
        address = f"127.0.0.1:{seen.address[1]}"
        errors = refused(capsys, "--against", address, "--callers", "1", *QUICK)
    assert "no image was answered in 1 caller: {'503': " in errors


def test_options_of_another_measurement_are_refused(capsys):
    assert "--rate goes with --against" in refused(capsys, "--rate", "5")
    assert "choose one of" in refused(capsys, "--gates", "--overload")
    assert "header 'X' is none" in refused(capsys, "--against", "127.0.0.1:1", "--header", "X")
    assert "65" in refused(capsys, "--against", "127.0.0.1:1", "--callers", "65")
