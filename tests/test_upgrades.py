"""Services and bundles of unlike age, as docs/upgrading.md tells of them: with real processes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service import __version__
from service.contract import CONTRACT_FILE, SCHEMA_VERSION
from service.errors import BundlesRefused, NotTraceable
from service.settings import EMBEDDED_BUNDLES
from tests.service.admin import with_admin_key
from tests.service.live import PATIENCE_SECONDS, VITRINE, command
from tests.service.pictures import draw, encode
from tests.service.problems import assert_problem
from tests.service.renewed import copy_as, rewrite
from tests.untraced import untraced_exporter

EMBEDDED = EMBEDDED_BUNDLES / "cifar10" / "1"
PNG = encode(draw())
LOGITS = {"tensors": "logits"}
NEWER = SCHEMA_VERSION + 1
FROM_A_NEWER_ONE = (
    f"/schema_version: Vitrine {__version__} reads schema_version {SCHEMA_VERSION}, not {NEWER}; "
    "a newer Vitrine made the bundle: upgrade this one, or export the run folder of its training "
    "again with this one"
)
FROM_AN_OLDER_ONE = (
    f"/schema_version: Vitrine {__version__} reads schema_version {SCHEMA_VERSION}, not 1; "
    "export the run folder of its training again, or serve it with the version of Vitrine that "
    "made it"
)
A_KEY_OF_TOMORROW = (
    f"/sparkle: Vitrine {__version__} does not know this key; upgrade it if a newer one made the "
    "bundle, and take the key out if it is a mistake"
)
# Keys that contracts of schema_version 2 have got since its first day.
ADDED_SINCE = {
    "architecture": ("class_token", "norm_after_pooling", "pre_norm"),
    "preprocessing": ("crop_after_resizing", "crop_rounding"),
    "provenance": ("tuned_from", "best_epoch", "taught_by", "origin"),
}


def of_schema(version: int) -> Callable[[dict[str, Any]], None]:
    """Make a contract one of another schema, with a key that this one does not know."""
    return lambda contract: contract.update(schema_version=version, sparkle={"hue": 3})


def made_long_ago(bundles: Path) -> Path:
    """Take the embedded model back to what it was when schema_version 2 was new."""
    bundle = copy_as(EMBEDDED, bundles, "cifar10", "1")

    def take_back(contract: dict[str, Any]) -> None:
        later = (contract["graphs"].pop("trace"), contract["precisions"].pop("int8"))
        for graph in later:
            (bundle / graph["file"]).unlink()
            del contract["files"][graph["file"]]
        contract["explanations"] = None
        del contract["merging"]
        for key in ("agreement", "logit_difference"):
            del contract["precisions"]["fp32"][key]
        for part, keys in ADDED_SINCE.items():
            for key in keys:
                del contract[part][key]

    rewrite(bundle, take_back)
    return bundle


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (of_schema(NEWER), FROM_A_NEWER_ONE),
        (of_schema(1), FROM_AN_OLDER_ONE),
        (lambda contract: contract.update(sparkle=True), A_KEY_OF_TOMORROW),
    ],
    ids=["a newer schema", "an older schema", "a newer key"],
)
def test_a_service_does_not_start_on_a_bundle_of_another_schema(
    tmp_path: Path, change, told: str
) -> None:
    bundle = copy_as(EMBEDDED, tmp_path, "cifar10", "1")
    rewrite(bundle, change)
    ended = subprocess.run(
        [VITRINE, "serve", "--port", "0", "--bundles", tmp_path],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert ended.returncode == 78
    assert ended.stderr.endswith(
        f"vitrine: Broken bundle: {bundle / CONTRACT_FILE} is not a valid contract: {told}\n"
    )
    assert "Traceback" not in ended.stderr


@pytest.fixture
def shelf(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A folder with tiny/1, a bundle without a graph of traces."""
    bundle = copy_as(tiny_bundle, tmp_path / "bundles", "tiny", "1")

    def take_out(contract: dict[str, Any]) -> None:
        file = contract["graphs"].pop("trace")["file"]
        (bundle / file).unlink()
        del contract["files"][file]

    rewrite(bundle, take_out)
    return tmp_path / "bundles"


@pytest.fixture
def client(shelf: Path) -> Iterator[httpx.Client]:
    """A client with an admin's key, of a `vitrine serve` that serves the shelf."""
    admin = with_admin_key(shelf)
    with (
        command(shelf, "--api-keys-file", str(admin["api_keys_file"])) as server,
        httpx.Client(
            base_url=server.address, headers=admin["headers"], timeout=PATIENCE_SECONDS
        ) as client,
    ):
        yield client


def version_answering(client: httpx.Client) -> str:
    answer = client.post("/classify", content=PNG)
    assert answer.status_code == 200, answer.text
    return answer.json()["model"]["version"]


def test_a_reload_refuses_a_newer_bundle_and_the_old_one_goes_on(
    client: httpx.Client, shelf: Path, tiny_bundle: Path
) -> None:
    newer = copy_as(tiny_bundle, shelf, "tiny", "2")
    rewrite(newer, of_schema(NEWER))
    problem = assert_problem(
        client.post("/models/tiny/reload"), BundlesRefused, f"{newer}", FROM_A_NEWER_ONE
    )
    assert [item["pointer"] for item in problem["errors"]] == ["/tiny/2/schema_version"]
    assert version_answering(client) == "1"
    assert client.get("/health/ready").status_code == 200
    assert client.get("/models/tiny").json()["version"] == "1"


def test_an_older_bundle_gets_its_trace_beside_the_old_one_and_can_be_rolled_back(
    client: httpx.Client, shelf: Path
) -> None:
    from model.export import add_trace

    refused = client.post("/trace", params=LOGITS, content=PNG)
    assert_problem(refused, NotTraceable, "vitrine-model add-trace")
    renewed = copy_as(shelf / "tiny" / "1", shelf.parent / "aside", "tiny", "2")
    with untraced_exporter():
        add_trace(renewed)
    renewed.rename(shelf / "tiny" / "2")
    assert client.post("/models/tiny/reload").json()["latest"]["version"] == "2"
    assert client.post("/trace", params=LOGITS, content=PNG).status_code == 200
    assert client.post("/models/tiny/rollback").json()["latest"]["version"] == "1"
    assert version_answering(client) == "1"


def test_the_first_bundle_of_this_schema_is_served_as_it_was_made(tmp_path: Path) -> None:
    bundle = made_long_ago(tmp_path)
    with (
        command(tmp_path) as server,
        httpx.Client(base_url=server.address, timeout=PATIENCE_SECONDS) as client,
    ):
        assert client.post("/classify", content=PNG).status_code == 200
        methods = {method["name"] for method in client.get("/explain/methods").json()}
        for method in sorted(methods):
            answer = client.post("/explain", params={"method": method}, content=PNG)
            assert answer.status_code == 200, answer.text
        assert_problem(
            client.post("/trace", params=LOGITS, content=PNG),
            NotTraceable,
            "vitrine-model add-trace",
        )
        assert client.get("/guide").status_code == 200
        assert server.terminate() == 0
    assert "int8" not in json.loads((bundle / CONTRACT_FILE).read_text())["precisions"]
