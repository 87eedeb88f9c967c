"""How often a caller may ask: the algorithm, its shared table, and refusals over a real socket."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import RateLimited
from service.keys import add_key
from service.rate import FILE_NAME, NANOSECONDS, SIZE, RateLimit
from service.shared_folder import VARIABLE
from tests.service.live import command, serving
from tests.service.problems import assert_problem

SECOND = NANOSECONDS
PLACES = 64


class Clock:
    """A clock that the test sets."""

    def __init__(self, seconds: float = 1000) -> None:
        self.now = int(seconds * SECOND)

    def __call__(self) -> int:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)


def limited(per_minute: int, burst: int, clock: Clock, folder: Path | None = None) -> RateLimit:
    return RateLimit(per_minute, burst, folder, clock)


def test_a_burst_is_let_through_and_then_one_request_an_interval() -> None:
    rate = limited(60, 3, clock := Clock())
    assert [rate.ask("a") for _ in range(4)] == [0, 0, 0, 1]
    clock.advance(0.25)
    assert rate.ask("a") == 0.75
    clock.advance(0.75)
    assert [rate.ask("a") for _ in range(2)] == [0, 1]
    clock.advance(100)
    assert [rate.ask("a") for _ in range(4)] == [0, 0, 0, 1]


def test_callers_are_counted_apart() -> None:
    rate = limited(1, 1, Clock())
    assert [rate.ask(caller) for caller in "abab"] == [0, 0, 60, 60]


@given(st.lists(st.floats(0, 5), min_size=1, max_size=60), st.integers(1, 5))
def test_no_caller_gets_more_than_a_burst_and_the_rate_however_it_asks(pauses, burst) -> None:
    rate = limited(60, burst, clock := Clock())
    started, passed = clock.now, 0
    for pause in pauses:
        clock.advance(pause)
        passed += rate.ask("a") == 0
        assert passed <= burst + (clock.now - started) / SECOND
    rate.close()


@given(st.lists(st.floats(0, 5), min_size=1, max_size=60))
def test_who_comes_back_when_told_is_let_through(pauses) -> None:
    rate = limited(60, 2, clock := Clock())
    for pause in pauses:
        clock.advance(pause)
        if wait := rate.ask("a"):
            clock.advance(wait + 1e-9)
            assert rate.ask("a") == 0
    rate.close()


def test_more_callers_than_the_table_has_places_do_not_count_against_each_other(
    monkeypatch,
) -> None:
    monkeypatch.setattr("service.rate.SLOTS", PLACES)
    rate = limited(1, 2, Clock())
    assert all(rate.ask(f"address {index}") == 0 for index in range(PLACES * 2))
    assert [rate.ask("another") for _ in range(3)] == [0, 0, 60]


def test_processes_that_share_a_folder_share_the_numbers(tmp_path) -> None:
    clock = Clock()
    here, there = (limited(1, 4, clock, tmp_path) for _ in range(2))
    with ThreadPoolExecutor(2) as workers:
        asked = [workers.submit(rate.ask, "a") for rate in (here, there) for _ in range(8)]
    assert sum(one.result() == 0 for one in asked) == 4
    assert (tmp_path / FILE_NAME).stat().st_size == SIZE
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o077 == 0
    here.close()
    assert there.ask("a") == 60
    there.close()


def test_numbers_from_before_the_machine_was_started_anew_are_forgotten(tmp_path) -> None:
    before = limited(60, 1, Clock(1_000_000), tmp_path)
    assert [before.ask("a") for _ in range(2)] == [0, 1]
    before.close()
    after = limited(60, 1, Clock(5), tmp_path)
    assert [after.ask("a") for _ in range(2)] == [0, 1]
    after.close()


def from_address(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": address}  # as a proxy on this machine would


def test_a_caller_without_key_is_limited_by_address_and_told_when_to_come_back(
    tiny_bundles,
) -> None:
    with serving(tiny_bundles, rate_limit=2, rate_burst=2) as server:
        first = from_address("192.0.2.1")
        answers = [server.client.get("/models", headers=first) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert_problem(answers[-1], RateLimited, "more requests than 2 a minute", "let through in")
        assert 28 <= int(answers[-1].headers["retry-after"]) <= 30
        assert server.client.get("/models", headers=from_address("192.0.2.2")).status_code == 200
        for path in ("/health/ready", "/metrics", "/"):
            assert server.client.get(path, headers=first).status_code == 200
        assert server.metric("vitrine_rejected_total", reason="rate-limited") == 1


def test_an_ipv6_caller_is_its_network_and_a_mapped_ipv4_one_its_address(tiny_bundles) -> None:
    with serving(tiny_bundles, rate_limit=1, rate_burst=1) as server:

        def statuses(*addresses: str) -> list[int]:
            get = server.client.get
            return [get("/models", headers=from_address(one)).status_code for one in addresses]

        assert statuses("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1") == [200, 429, 200]
        assert statuses("::ffff:192.0.2.1", "192.0.2.1", "::ffff:192.0.2.2") == [200, 429, 200]
        assert statuses("unreadable:", "unreadable:") == [200, 429]


def test_the_limit_is_the_names_of_keys_and_holds_across_processes(
    tiny_bundles, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    file = tmp_path / "keys.txt"
    keys = [add_key(file, name, "use") for name in ("lab", "lab", "shop")]
    options = ["--api-keys-file", str(file), "--rate-limit", "1", "--rate-burst", "4"]
    with command(tiny_bundles, *options) as one, command(tiny_bundles, *options) as two:

        def statuses(key: str, count: int) -> list[int]:
            return [
                httpx.get(f"{server.address}/models", headers={"X-API-Key": key}).status_code
                for _ in range(count)
                for server in (one, two)
            ]

        assert statuses(keys[0], 1) + statuses(keys[1], 2) == [200] * 4 + [429] * 2
        assert statuses(keys[2], 1) == [200] * 2


@pytest.mark.parametrize("burst", [1, 5])
def test_the_burst_is_what_a_new_caller_may_ask_at_once(burst) -> None:
    rate = limited(1, burst, Clock())
    assert sum(rate.ask("a") == 0 for _ in range(10)) == burst
