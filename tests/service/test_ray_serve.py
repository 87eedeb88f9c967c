"""The service under Ray Serve: the same answers from two replicas, and what happens to them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import suppress
from itertools import cycle
from pathlib import Path

import httpx
import pytest

pytest.importorskip("ray.serve", reason="the extra ray is not installed")

from service.errors import DeadlineExceeded, Forbidden, Overloaded
from tests.service.pictures import draw, encode
from tests.service.problems import assert_problem
from tests.service.ray_callers import PNG, asking
from tests.service.ray_cluster import (
    PATIENCE_SECONDS,
    ROOT,
    Cluster,
    counted,
    ray_cluster,
    ready_replicas,
)
from tests.service.waiting import until
from tests.untraced import untraced

SUITE = [
    "test_classify_route.py",
    "test_explain_route.py",
    "test_hugging_face_routes.py",
    "test_instances_routes.py",
    "test_open_inference_routes.py",
    "test_server_timing.py",
    "test_trace_route.py",
]
SLOW = "/explain?method=occlusion"
LARGE = encode(draw(2000, 1500), "JPEG")
REPLICA = "ServeReplica:default:Vitrine"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[Cluster]:
    with ray_cluster(tmp_path_factory.mktemp("ray")) as running:
        yield running


@pytest.fixture(scope="module")
def two_replicas(cluster: Cluster, tiny_bundles: Path) -> str:
    return cluster.deploy(
        "default", bundles=str(tiny_bundles), min_replicas=2, max_replicas=2, drain_seconds=60
    )


def test_the_tests_of_the_api_pass_against_two_replicas(two_replicas: str) -> None:
    files = [str(Path(__file__).with_name(name)) for name in SUITE]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    suite = subprocess.run(
        [*command, "--against", two_replicas, *files],
        cwd=ROOT,
        env={**untraced(), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert suite.returncode == 0, suite.stdout
    passed = re.search(r"(\d+) passed", suite.stdout)
    assert passed
    assert int(passed[1]) > 180, suite.stdout


def test_metrics_of_one_scrape_are_those_of_every_replica(two_replicas: str) -> None:
    until(lambda: len(ready_replicas(two_replicas)) == 2, PATIENCE_SECONDS)


def test_an_answer_has_one_request_id_and_it_is_the_callers(two_replicas: str) -> None:
    response = httpx.get(f"{two_replicas}/models", headers={"X-Request-Id": "mine-1"})
    assert response.headers.get_list("x-request-id") == ["mine-1"]


def test_a_deadline_that_passed_is_told_as_elsewhere(two_replicas: str) -> None:
    response = httpx.post(
        f"{two_replicas}{SLOW}", content=PNG, headers={"X-Deadline-Ms": "1"}, timeout=60
    )
    assert_problem(response, DeadlineExceeded)


def test_a_caller_who_leaves_is_counted_as_that_and_not_as_a_failure(two_replicas: str) -> None:
    patience = cycle([0.5, 0.2, 0.1, 0.05])  # however fast the replicas are

    def has_left() -> bool:
        with suppress(httpx.ReadTimeout):
            httpx.post(
                f"{two_replicas}/classify", files=[("image", LARGE)] * 64, timeout=next(patience)
            )
        return counted(two_replicas, "vitrine_callers_gone_total") > 0

    until(has_left)
    assert not counted(two_replicas, "vitrine_requests_total", code="500")


def test_a_killed_replica_loses_only_its_own_requests_and_another_takes_its_place(
    cluster: Cluster, two_replicas: str
) -> None:
    until(lambda: len(ready_replicas(two_replicas)) == 2, PATIENCE_SECONDS)
    before = ready_replicas(two_replicas)
    with asking(two_replicas, "/classify", callers=6) as asked:
        until(lambda: len(asked) > 50)
        killed_at = time.monotonic()
        os.kill(cluster.processes(REPLICA)[0], signal.SIGKILL)
        until(lambda: len(ready_replicas(two_replicas) - before) == 1, PATIENCE_SECONDS)
        replaced_at = time.monotonic()
        until(lambda: any(one.began > replaced_at for one in asked), PATIENCE_SECONDS)
    lost = [one for one in asked if one.status != 200]
    assert len(lost) <= 6
    assert {one.status for one in lost} <= {500}
    assert all(one.began < killed_at for one in lost), [one.began - killed_at for one in lost]
    assert sum(one.began > killed_at and one.status == 200 for one in asked) > 50
    until(lambda: len(ready_replicas(two_replicas)) == 2, PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def growing(cluster: Cluster, tiny_bundles: Path) -> Iterator[str]:
    yield cluster.deploy(
        "growing",
        "/growing",
        bundles=str(tiny_bundles),
        max_replicas=2,
        target_ongoing_requests=1,
        upscale_delay_seconds=0,
        max_queue=4,
    )
    cluster.order(delete="growing")


def test_below_a_prefix_what_needs_a_key_needs_it_and_nothing_slips_by(growing: str) -> None:
    reload = "/models/tiny/reload"
    assert_problem(httpx.post(f"{growing}{reload}"), Forbidden)
    for path in (f"/growing{reload}", f"/./growing{reload}"):
        assert httpx.post(f"{growing}{path}").status_code in (404, 405)
    assert httpx.get(f"{growing}/health/ready").status_code == 200


def test_what_a_replica_refuses_comes_with_a_problem_and_when_to_retry(growing: str) -> None:
    files = [("image", LARGE)] * 4

    def ask(_: int) -> httpx.Response:
        return httpx.post(f"{growing}/classify", files=files, timeout=PATIENCE_SECONDS)

    with ThreadPoolExecutor(4) as callers:
        answers = list(callers.map(ask, range(4)))
    refused = [answer for answer in answers if answer.status_code != 200]
    assert refused
    assert len(refused) < len(answers)
    for answer in refused:
        assert_problem(answer, Overloaded)
        assert int(answer.headers["retry-after"]) >= 1


def test_what_no_replica_has_room_for_is_refused_by_the_proxy(growing: str) -> None:
    def ask(_: int) -> httpx.Response:
        return httpx.post(f"{growing}{SLOW}", content=PNG, timeout=PATIENCE_SECONDS)

    with ThreadPoolExecutor(32) as callers:
        answers = list(callers.map(ask, range(64)))
    assert {answer.status_code for answer in answers} == {200, 503}
    assert all("retry-after" in one.headers for one in answers if one.status_code == 503)


def test_load_makes_a_second_replica(growing: str) -> None:
    with asking(growing, "/classify", callers=4):
        until(lambda: len(ready_replicas(growing)) == 2, PATIENCE_SECONDS)


def test_a_version_that_cannot_be_served_is_told_and_the_one_before_serves_on(
    cluster: Cluster, growing: str, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match=re.escape(str(tmp_path))):
        cluster.deploy("growing", "/growing", bundles=str(tmp_path))
    assert httpx.post(f"{growing}/classify", content=PNG).status_code == 200


def test_a_configuration_that_contradicts_is_refused(cluster: Cluster) -> None:
    with pytest.raises(AssertionError, match="min_replicas 3 is more than max_replicas 2"):
        cluster.deploy("wrong", "/wrong", min_replicas=3, max_replicas=2)


def test_what_was_accepted_is_answered_when_the_application_is_deleted(
    cluster: Cluster, two_replicas: str
) -> None:
    def ask(images: int) -> tuple[int, float]:
        files = [("image", LARGE)] * images
        response = httpx.post(f"{two_replicas}/classify", files=files, timeout=PATIENCE_SECONDS)
        return response.status_code, time.monotonic()

    with ThreadPoolExecutor(4) as callers:
        answers = [callers.submit(ask, images) for images in (20, 20, 20, 1)]
        wait(answers, return_when=FIRST_COMPLETED)
        deleted_at = time.monotonic()
        cluster.order(delete="default")
    assert {answer.result()[0] for answer in answers} == {200}
    assert max(answer.result()[1] for answer in answers) > deleted_at
    assert httpx.get(f"{two_replicas}/health/live").status_code == 404
