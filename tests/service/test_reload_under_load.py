"""Callers who ask without pause notice nothing of models that come and go."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.service.admin import with_admin_key
from tests.service.live import PATIENCE_SECONDS, Live, serving
from tests.service.pictures import draw, encode
from tests.service.renewed import copy_as, digest_of, renew
from tests.service.waiting import until

PNG = encode(draw())


@dataclass
class Caller:
    """Asks the same over a connection of its own, again and again, and keeps what came."""

    server: Live
    path: str
    digests: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def ask_until(self, enough: threading.Event) -> None:
        own = self.server.client
        key = {"Authorization": own.headers["Authorization"]}
        with httpx.Client(base_url=own.base_url, timeout=PATIENCE_SECONDS, headers=key) as client:
            while not enough.is_set():
                try:
                    response = client.post(self.path, content=PNG)
                    assert response.status_code == 200, response.text
                    self.digests.append(response.json()["model"]["digest"])
                except Exception as error:  # all are looked at in the end
                    self.failures.append(repr(error))


@contextmanager
def asking(callers: list[Caller]) -> Iterator[None]:
    enough = threading.Event()
    threads = [threading.Thread(target=caller.ask_until, args=(enough,)) for caller in callers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        enough.set()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)


def test_no_request_fails_while_models_come_go_and_are_refused(tiny_bundle, tmp_path: Path) -> None:
    folder = tmp_path / "bundles"
    one = copy_as(tiny_bundle, folder, "tiny", "1")
    pinned = digest_of(one)
    with serving(folder, deadline_seconds=PATIENCE_SECONDS, **with_admin_key(folder)) as server:
        unpinned = [
            Caller(server, path)
            for path in ("/classify", "/classify?model=tiny", "/explain?method=relevance")
        ]
        keeper = Caller(server, "/classify?model=tiny&version=1")

        def reload(status: int = 200) -> None:
            assert server.client.post("/models/tiny/reload").status_code == status

        def all_get(digest: str) -> None:
            answer = server.client.post("/classify", content=PNG).json()
            assert answer["model"]["digest"] == digest
            until(lambda: all(caller.digests[-1:] == [digest] for caller in unpinned))

        served = [pinned]
        with asking([*unpinned, keeper]):
            all_get(pinned)
            two = copy_as(tiny_bundle, folder, "tiny", "2")
            for commit in ("first", "second", "third"):
                served.append(renew(two, commit))
                reload()
                all_get(served[-1])
                broken = copy_as(tiny_bundle, folder, "tiny", "9")
                (broken / "golden.npz").write_bytes(b"broken")
                reload(422)
                all_get(served[-1])
                shutil.rmtree(broken)
            shutil.rmtree(two)
            reload()
            all_get(pinned)
        for caller in (*unpinned, keeper):
            assert caller.failures == []
        for caller in unpinned:
            assert set(caller.digests) == set(served)
        assert set(keeper.digests) == {pinned}
