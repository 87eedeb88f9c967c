"""What the load tool reads of an answer's head: where it ends, and whether the connection stays."""

from __future__ import annotations

import pytest

from service.benchmarking.answer import Answer

LENGTH = b"Content-Length: 2\r\n"


@pytest.mark.parametrize(
    ("head", "is_kept"),
    [
        (b"HTTP/1.1 200 OK\r\n" + LENGTH, True),
        (b"HTTP/1.1 200 OK\r\nCONNECTION: Close\r\n" + LENGTH, False),
        (b"HTTP/1.1 200 OK\r\n" + LENGTH + b"connection: close\r\n", False),
        (b"HTTP/1.0 200 OK\r\n" + LENGTH, False),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n" + LENGTH, True),
        (b"HTTP/1.1 200 OK\r\nX-Connection: close\r\n" + LENGTH, True),
    ],
)
def test_a_connection_is_kept_as_the_version_and_the_head_say(head, is_kept) -> None:
    answer = Answer()
    assert not answer.take(head)
    assert not answer.take(b"\r\no")
    assert answer.take(b"k")
    assert answer.keeps_connection is is_kept
    assert answer.body == b"ok"


def test_chunks_count_where_a_length_is_stated_as_well() -> None:
    answer = Answer()
    assert not answer.take(
        b"HTTP/1.1 200 OK\r\n" + LENGTH + b"Transfer-Encoding: chunked\r\n\r\n5\r\n"
    )
    assert answer.take(b"hello\r\n0\r\n\r\n")


def test_an_answer_that_has_no_body_ends_with_its_head() -> None:
    assert Answer().take(b"HTTP/1.1 304 Not Modified\r\n" + LENGTH + b"\r\n")


def test_what_only_a_body_says_is_no_header() -> None:
    answer = Answer()
    assert answer.take(b"HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n\r\nConnection: close")
    assert answer.keeps_connection
