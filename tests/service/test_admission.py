"""What is accepted, what is refused at once, and how long an answer may take: over a socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from service import admission
from service.batch_sizes import BatchSizes
from service.bundle import read_bundle
from service.engine import Engine
from service.errors import DeadlineExceeded, InvalidParameter, Overloaded
from service.registry import warm_up
from tests.service.live import PATIENCE_SECONDS, Live, serving
from tests.service.pictures import draw, encode, text_of
from tests.service.problems import assert_problem
from tests.service.waiting import until

PNG = encode(draw())
ROUTES = [
    "/classify",
    "/explain?method=relevance",
    "/hf/image-classification",
    "/v1/models/tiny:predict",
    "/v2/models/tiny/infer",
]


@pytest.fixture(scope="module")
def small(tiny_bundles) -> Iterator[Live]:
    """A server that holds two images and 20,000 bytes at once."""
    with serving(tiny_bundles, max_queue=2, max_queue_bytes=20_000) as server:
        yield server


def test_a_body_that_does_not_fit_what_is_held_is_refused_by_its_declared_length(small) -> None:
    response = small.client.post("/classify", content=b"x" * 20_001)
    assert_problem(response, Overloaded, "20,001 more", "the queue's 20,000", "try again")
    assert int(response.headers["retry-after"]) >= 1


def test_a_body_of_unknown_length_is_refused_when_it_no_longer_fits(small) -> None:
    response = small.client.post("/classify", content=iter([b"x" * 9000] * 3))
    assert_problem(response, Overloaded, "bytes of request bodies wait", "try again")


def test_bytes_are_given_back_when_a_request_ends_well_or_badly(small) -> None:
    for body in (PNG, b"no picture" * 1500, PNG):
        small.client.post("/classify", content=body)
    until(lambda: small.context.body_bytes.held == 0)
    assert small.client.post("/classify", content=PNG).status_code == 200


def test_bytes_held_are_told(small) -> None:
    with ThreadPoolExecutor() as callers, small.busy_engine():
        answer = callers.submit(small.client.post, "/classify", content=PNG)
        until(lambda: small.metric("vitrine_queued_bytes") == len(PNG))
    assert answer.result().status_code == 200


@pytest.mark.parametrize("route", ROUTES)
def test_a_full_queue_refuses_before_the_body_is_read(small, route) -> None:
    lane = "explain" if "explain" in route else "classify"
    path = "/explain?method=relevance" if lane == "explain" else "/classify"
    with ThreadPoolExecutor() as callers, small.busy_engine():
        waiting = [callers.submit(small.client.post, path, content=PNG) for _ in range(2)]
        batcher = small.context.registry.get()._lanes[lane]
        until(lambda: batcher.admission.places.held == 2)
        with socket.create_connection(small.address, timeout=PATIENCE_SECONDS) as caller:
            head = f"POST {route} HTTP/1.1\r\nHost: vitrine\r\nContent-Length: 5000\r\n"
            caller.sendall(
                f"{head}Content-Type: image/png\r\nExpect: 100-continue\r\n\r\n".encode()
            )
            answer = caller.recv(10_000)
        assert answer.startswith(b"HTTP/1.1 503"), answer
        assert b"retry-after" in answer.lower()
    assert [answer.result().status_code for answer in waiting] == [200, 200]


def test_a_queue_that_was_full_takes_half_while_others_are_refused(
    tiny_bundles, monkeypatch
) -> None:
    monkeypatch.setattr(admission, "FULL_SECONDS", 10 * PATIENCE_SECONDS)
    monkeypatch.setattr(admission, "RETRY_ALL_SECONDS", 10 * PATIENCE_SECONDS)
    with (
        serving(tiny_bundles, max_batch_size=1, max_queue=8) as server,
        ThreadPoolExecutor(8) as callers,
    ):
        places = server.context.registry.get()._classify.admission.places
        for most, told in ((8, "8 images wait and 1 more"), (4, "no more than 4 may")):
            with server.busy_engine():
                asked = [
                    callers.submit(server.client.post, "/classify", content=PNG)
                    for _ in range(most)
                ]
                until(lambda: places.held == most)  # noqa: B023 - it is asked at once
                assert_problem(server.client.post("/classify", content=PNG), Overloaded, told)
            assert [one.result().status_code for one in asked] == [200] * most


def test_a_caller_may_set_a_deadline_of_its_own(small) -> None:
    with small.busy_engine():
        response = small.client.post("/classify", content=PNG, headers={"X-Deadline-Ms": "100"})
    assert_problem(response, DeadlineExceeded, "longer than 0.1 s")


def test_a_caller_cannot_have_more_time_than_the_setting(tiny_bundles) -> None:
    with serving(tiny_bundles, deadline_seconds=0.2) as server, server.busy_engine():
        headers = {"X-Deadline-Ms": "60000"}
        response = server.client.post("/classify", content=PNG, headers=headers)
    assert_problem(response, DeadlineExceeded, "longer than 0.2 s")


@pytest.mark.parametrize("deadline", ["soon", "0", "-5", "1.5", ""])
def test_a_deadline_that_is_no_number_of_milliseconds_is_refused(small, deadline) -> None:
    response = small.client.post("/classify", content=PNG, headers={"X-Deadline-Ms": deadline})
    assert_problem(response, InvalidParameter, "X-Deadline-Ms", "milliseconds")


def test_who_could_not_be_answered_within_the_deadline_is_refused_at_once(tiny_bundles) -> None:
    with serving(tiny_bundles, max_queue=100) as server, ThreadPoolExecutor() as callers:
        model = server.context.registry.get()
        model._classify.admission.learn(1, 30.0, 1)  # as if an image had taken half a minute
        with server.busy_engine():
            waiting = [
                callers.submit(server.client.post, "/classify", content=PNG) for _ in range(1)
            ]
            until(lambda: model._classify.admission.places.held == 1)
            response = server.client.post(
                "/classify", content=PNG, headers={"X-Deadline-Ms": "900"}
            )
        assert_problem(response, Overloaded, "longer than the 0.9 s that are left", "try again")
        assert int(response.headers["retry-after"]) > 1
        assert waiting[0].result().status_code == 200


def test_a_picture_whose_numbers_overflow_fails_alone_among_several(tiny_bundles) -> None:
    with serving(tiny_bundles) as server:
        engine = server.context.registry.get().engine
        run = engine.run

        def overflow_first(*arguments):
            outputs = run(*arguments)
            outputs["logits"][0] = np.inf
            return outputs

        engine.run = overflow_first
        response = server.client.post("/classify", json={"images": [text_of(PNG)] * 2})
    first, second = response.json()["results"]
    assert first["error"]["type"] == "urn:vitrine:problem:inference-failed"
    assert second["predictions"]


def test_a_device_that_pads_runs_only_sizes_that_are_allowed(tiny_bundles) -> None:
    with serving(tiny_bundles) as server:
        model = server.context.registry.get()
        alone = server.client.post("/classify", content=PNG).json()["predictions"]
        model._images.sizes = BatchSizes.up_to(8, pads=True)
        sizes: list[int] = []
        run = model.engine.run

        def note_size(graph, inputs, *arguments):
            sizes.append(len(inputs["pixel_values"]))
            return run(graph, inputs, *arguments)

        model.engine.run = note_size
        response = server.client.post("/classify", json={"images": [text_of(PNG)] * 3})
        padding = server.metric("vitrine_batch_padding_images_total", lane="classify")
    assert (sizes, padding) == ([4], 1)
    for result in response.json()["results"]:
        assert result["predictions"][0]["label"] == alone[0]["label"]
        assert result["predictions"][0]["probability"] == pytest.approx(
            alone[0]["probability"], abs=1e-4
        )


def test_every_batch_size_is_warm_before_the_first_caller(tiny_bundle) -> None:
    engine = Engine(read_bundle(tiny_bundle), threads=2)
    runs: set[tuple[int, int | None, int | None]] = set()
    classify = engine.classify

    def note(pixel_values, threads=None):
        runs.add((len(pixel_values), threads, getattr(engine._own, "copy", None)))
        return classify(pixel_values, threads)

    engine.classify = note
    warm_up(engine, BatchSizes.of([1, 3, 5]))
    assert runs == {(1, None, None), (1, 1, 0), (3, 1, 0), (5, 1, 0), (5, 1, 1)}


def test_large_pictures_are_decoded_side_by_side_while_others_are_classified(tiny_bundles) -> None:
    """A picture that is being decoded holds one place, and leaves the others to whoever is next."""
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    large = encode(Image.fromarray(noise))
    with serving(tiny_bundles) as server, ThreadPoolExecutor() as callers:
        model = server.context.registry.get()
        decode, gate, decoding = model._images.decode, threading.Event(), threading.Event()

        def held_up(image):
            if len(image) == len(large):
                decoding.set()
                assert gate.wait(PATIENCE_SECONDS)
            return decode(image)

        model._images.decode = held_up
        slow = callers.submit(server.client.post, "/classify", content=large)
        assert decoding.wait(PATIENCE_SECONDS)
        assert server.client.post("/classify", content=PNG).status_code == 200
        gate.set()
        assert slow.result().status_code == 200
