"""Who may ask: keys, scopes and origins, over a real socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import Request

from service.access import AccessMiddleware
from service.errors import Forbidden, InvalidParameter, Unauthorized
from service.keys import add_key
from service.settings import Settings
from tests.service.live import PATIENCE_SECONDS, Live, serving
from tests.service.pictures import draw, encode
from tests.service.problems import assert_problem

PNG = encode(draw())
ORIGIN = "https://example.org"
ADMIN_PATHS = ["/models/tiny/reload", "/models/tiny/reload%0A", "/models/tiny/reload/"]


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("keys") / "keys.txt"


@pytest.fixture(scope="module")
def key(file) -> str:
    return add_key(file, "lab", "use")


@pytest.fixture(scope="module")
def admin_key(file) -> str:
    return add_key(file, "operator", "admin")


@pytest.fixture(scope="module")
def guarded(tiny_bundles, file, key, admin_key) -> Iterator[Live]:
    """A server that knows two keys, and one origin."""
    with serving(tiny_bundles, api_keys_file=file, cors_origins=(ORIGIN,)) as server:

        @server.app.get("/whose", include_in_schema=False)
        async def whose(request: Request) -> str:
            return request.state.key_name

        yield server


def let_a_second_go_by(server: Live) -> None:
    """Make the server look at its file of keys when it is asked next."""
    layer = server.app.middleware_stack
    while not isinstance(layer, AccessMiddleware):
        layer = layer.app
    layer.keys._checked -= 1


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/guide",
        "/web/page.js",
        "/docs",
        "/openapi.json",
        "/metrics",
        "/health/live",
        "/health/ready",
    ],
)
def test_what_orchestrators_scrapers_and_the_page_need_is_open(guarded: Live, path) -> None:
    assert guarded.client.get(path).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/classify"),
        ("POST", "/explain"),
        ("GET", "/explain/methods"),
        ("GET", "/models"),
        ("GET", "/models/tiny"),
        ("GET", "/nothing"),
        ("GET", "/docs%0A"),
        ("OPTIONS", "/classify"),
    ],
)
def test_everything_else_needs_a_key(guarded: Live, method, path) -> None:
    response = guarded.client.request(method, path)
    assert_problem(response, Unauthorized, "needs a key", "Authorization: Bearer")
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER  "])
def test_a_key_comes_as_bearer_of_any_spelling(guarded: Live, key, scheme) -> None:
    headers = {"Authorization": scheme + key}
    assert guarded.client.post("/classify", content=PNG, headers=headers).status_code == 200


@pytest.mark.parametrize("authorization", [{}, {"Authorization": "Basic eDp5"}])
def test_a_key_comes_in_a_header_of_its_own(guarded: Live, key, authorization) -> None:
    headers = {"X-API-Key": key, **authorization}
    assert guarded.client.post("/classify", content=PNG, headers=headers).status_code == 200


def test_an_unknown_key_is_refused_and_told_nowhere(guarded: Live, key, caplog) -> None:
    counted = guarded.metric("vitrine_rejected_total", reason="unauthorized")
    wrong = f"{key}x"
    response = guarded.client.get("/models", headers=bearer(wrong))
    assert_problem(response, Unauthorized, "is not known", "a new one")
    assert wrong not in response.text
    assert not [record for record in caplog.records if key in record.getMessage()]
    assert guarded.metric("vitrine_rejected_total", reason="unauthorized") == counted + 1


def test_a_key_in_the_query_is_none(guarded: Live, key) -> None:
    assert guarded.client.get("/models", params={"key": key}).status_code == 401


def test_routes_know_whose_key_it_was(guarded: Live, key, admin_key) -> None:
    for presented, name in ((key, "lab"), (admin_key, "operator")):
        assert guarded.client.get("/whose", headers=bearer(presented)).json() == name


@pytest.mark.parametrize("path", ADMIN_PATHS)
def test_models_are_reloaded_by_admin_keys_alone(guarded: Live, key, admin_key, path) -> None:
    assert guarded.client.post(path).status_code == 401
    response = guarded.client.post(path, headers=bearer(key))
    assert_problem(response, Forbidden, "the key lab", "vitrine key NAME --admin")
    response = guarded.client.post(path, headers=bearer(admin_key))
    assert response.status_code not in (401, 403)


@pytest.mark.parametrize("path", ADMIN_PATHS)
def test_nobody_reloads_models_of_a_service_without_keys(live: Live, path) -> None:
    response = live.client.post(path, headers=bearer("any"))
    assert_problem(response, Forbidden, "/models/tiny/reload", "--api-keys-file")


def test_a_refusal_comes_before_the_body(guarded: Live) -> None:
    head = b"POST /classify HTTP/1.1\r\nHost: vitrine\r\nContent-Length: 1000000\r\n\r\n"
    with socket.create_connection(guarded.address, PATIENCE_SECONDS) as caller:
        caller.sendall(head)
        assert caller.recv(1000).startswith(b"HTTP/1.1 401 ")


def test_a_connection_goes_on_after_a_refusal_whose_body_came_late(guarded: Live, key) -> None:
    head = "POST /classify HTTP/1.1\r\nHost: vitrine\r\nContent-Length: 300000\r\n\r\n"
    again = f"GET /models HTTP/1.1\r\nHost: vitrine\r\nX-API-Key: {key}\r\n\r\n"
    with socket.create_connection(guarded.address, PATIENCE_SECONDS) as caller:
        caller.sendall(head.encode())
        assert caller.recv(4000).startswith(b"HTTP/1.1 401 ")
        caller.sendall(bytes(100_000))
        caller.sendall(bytes(200_000) + again.encode())
        assert caller.recv(4000).startswith(b"HTTP/1.1 200 ")


def test_a_new_key_works_and_a_removed_one_does_not_without_a_restart(
    tiny_bundles, tmp_path
) -> None:
    file = tmp_path / "keys.txt"
    old = add_key(file, "lab", "use")
    with serving(tiny_bundles, api_keys_file=file) as server:
        new = add_key(file, "lab", "use")
        let_a_second_go_by(server)
        assert server.client.get("/models", headers=bearer(new)).status_code == 200
        assert server.client.get("/models", headers=bearer(old)).status_code == 200
        file.write_text(file.read_text().splitlines()[1])
        let_a_second_go_by(server)
        assert server.client.get("/models", headers=bearer(old)).status_code == 401
        assert server.client.get("/models", headers=bearer(new)).status_code == 200


@pytest.mark.parametrize("content", [None, "broken\n"])
def test_the_service_does_not_start_with_keys_that_cannot_be_read(
    tiny_bundles, tmp_path, content
) -> None:
    file = tmp_path / "keys.txt"
    if content:
        file.write_text(content)
    with (
        pytest.raises(InvalidParameter, match=r"keys\.txt cannot be read: (No such|line 1)"),
        serving(tiny_bundles, api_keys_file=file),
    ):
        pass


def test_the_openapi_document_says_what_needs_a_key(guarded: Live, live: Live) -> None:
    document = guarded.client.get("/openapi.json").json()
    assert document["paths"]["/classify"]["post"]["security"] == [{"bearer": []}, {"header": []}]
    assert "security" not in document["paths"]["/health/live"]["get"]
    assert "securitySchemes" not in live.client.get("/openapi.json").json()["components"]


def preflight(server: Live, origin: str) -> httpx.Response:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    return server.client.options("/classify", headers=headers)


def test_pages_of_an_allowed_origin_may_ask_with_a_key_and_read_refusals(guarded, key) -> None:
    answer = preflight(guarded, ORIGIN)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "authorization" in answer.headers["access-control-allow-headers"].lower()
    assert "access-control-allow-credentials" not in answer.headers
    for headers, status in ((bearer(key), 200), ({}, 401)):
        response = guarded.client.get("/models", headers={"Origin": ORIGIN, **headers})
        assert response.status_code == status
        assert response.headers["access-control-allow-origin"] == ORIGIN
        exposed = response.headers["access-control-expose-headers"]
        assert {"X-Request-Id", "Retry-After", "Server-Timing"} <= set(exposed.split(", "))


def test_pages_of_other_origins_may_not(guarded: Live, live: Live, key) -> None:
    for server in (guarded, live):
        answer = preflight(server, "https://example.com")
        assert "access-control-allow-origin" not in answer.headers
        headers = {"Origin": "https://example.com", **bearer(key)}
        response = server.client.get("/models", headers=headers)
        assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("origin", ["https://a.org/", "a.org", "https://a.org/path", "ftp://a"])
def test_an_origin_that_no_browser_sends_stops_the_command(origin) -> None:
    with pytest.raises(ValueError, match="without a path or a slash at the end"):
        Settings(cors_origins=origin)


def test_several_origins_are_separated_by_commas(monkeypatch) -> None:
    monkeypatch.setenv("VITRINE_CORS_ORIGINS", "https://a.org, http://localhost:3000")
    assert Settings().cors_origins == ("https://a.org", "http://localhost:3000")


def test_answers_are_not_stored_by_caches_and_the_page_may_be(guarded: Live, key) -> None:
    assert guarded.client.get("/models", headers=bearer(key)).headers["cache-control"] == "no-store"
    assert guarded.client.get("/").headers["cache-control"] == "no-cache"
