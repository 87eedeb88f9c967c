"""Models that need a warning, or give no numbers at all, over a real socket."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import numpy as np
import pytest
from PIL import Image

from service.errors import InferenceFailed
from service.explanation.methods import METHODS
from tests.service.live import Live, serving
from tests.service.pictures import draw, encode
from tests.service.problems import assert_problem
from tests.service.reweighted import reweighted

PNG = encode(draw())
BLACK = encode(Image.new("RGB", (32, 32)))
LARGEST = 3e38  # twice as much is infinite in 32 bits

Serve = Callable[..., AbstractContextManager[Live]]


@pytest.fixture
def serve_changed(tiny_checkpoint, tiny_bundle, copy_bundle, tmp_path) -> Serve:
    """Serve the tiny model with `change` made to its weights."""

    @contextmanager
    def serve(change, picture: bytes = PNG, **rules: object) -> Iterator[Live]:
        files = reweighted(tiny_checkpoint, tiny_bundle, tmp_path, change, [picture], **rules)
        folder = copy_bundle(lambda contract: contract["preprocessing"].update(rules), files=files)
        with serving(folder) as server:
            yield server

    return serve


def ask(server: Live, **query: object) -> dict:
    response = server.client.post("/explain", params=query, content=PNG)
    assert response.status_code == 200, response.text
    return response.json()


def blind(model) -> None:
    """See the same in every patch of every picture; positions alone tell them apart."""
    model.patch_embed.proj.weight.zero_()


@pytest.mark.parametrize(
    "query",
    [{"method": "integrated_gradients", "steps": 4}, {"method": "occlusion", "removal": "black"}],
)
def test_a_model_that_sees_nothing_has_a_constant_map(serve_changed, query) -> None:
    with serve_changed(blind) as server:
        answer = ask(server, **query)
        assert "constant_map" in answer["warnings"]
        assert np.array_equal(answer["scores"], np.zeros((4, 4)))
        assert (answer["scale"]["min"], answer["scale"]["max"]) == (0, 0)


@pytest.mark.parametrize("overlay", ["blend", "alpha", "heatmap", "mask", "contour"])
def test_a_constant_map_is_drawn_and_measured_all_the_same(serve_changed, overlay) -> None:
    with serve_changed(blind) as server:
        query = {"method": "integrated_gradients", "steps": 4, "faithfulness": "true"}
        drawing = {"format": "png", "overlay": overlay}
        response = server.client.post("/explain", params={**query, **drawing}, content=PNG)
        assert response.status_code == 200, response.text
        with Image.open(io.BytesIO(response.content)) as drawn:
            drawn.load()
            told = json.loads(drawn.text["vitrine"])
        assert "constant_map" in told["warnings"]
        assert np.isfinite(told["faithfulness"]["delta"])
        assert np.isfinite(told["faithfulness"]["most_relevant_first"]["curve"]).all()


def loud(model) -> None:
    """Let the pixels' share of a token be far greater than everything else's."""
    model.patch_embed.proj.weight.mul_(100)


@pytest.mark.parametrize("name", METHODS)
def test_a_patch_whose_token_is_far_longer_is_warned_of(serve_changed, name) -> None:
    picture = Image.new("RGB", (32, 32))
    picture.paste("white", (16, 8, 24, 16))
    with serve_changed(loud, BLACK, mean=[0.0, 0.0, 0.0]) as server:
        asked = {"method": name}
        plain, bright = (
            server.client.post("/explain", params=asked, content=data).json()["warnings"]
            for data in (BLACK, encode(picture))
        )
        assert "high_norm_tokens" not in plain
        assert "high_norm_tokens" in bright


def overflowing(model) -> None:
    """Overflow for every picture that is not black."""
    model.patch_embed.proj.weight.fill_(LARGEST)


@pytest.mark.parametrize(
    ("name", "form"),
    [*((name, "png") for name in METHODS), ("relevance", "json"), ("rollout", "npy")],
)
def test_numbers_that_are_not_finite_are_a_problem_and_no_picture(
    serve_changed, name, form
) -> None:
    with serve_changed(overflowing, picture=BLACK, mean=[0.0, 0.0, 0.0]) as server:
        query = {"method": name, "format": form}
        response = server.client.post(
            "/explain", params=query, content=PNG, headers={"X-Request-Id": "my-id"}
        )
        problem = assert_problem(response, InferenceFailed, "not finite", "overflows")
        assert problem["instance"] == "my-id"
        assert not response.content.startswith(b"\x89PNG")


def test_an_overflow_stops_neither_classes_nor_maps_of_other_pictures(serve_changed) -> None:
    with serve_changed(overflowing, picture=BLACK, mean=[0.0, 0.0, 0.0]) as server:
        assert server.client.post("/classify", content=PNG).status_code == 500
        assert server.client.post("/classify", content=BLACK).status_code == 200
        assert server.client.post("/explain", content=PNG).status_code == 500
        assert server.client.post("/explain", content=BLACK).status_code == 200
