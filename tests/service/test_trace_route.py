"""`POST /trace` over a real socket: every tensor is the model's own, and what is refused."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load, save

from model.checkpoint import load_checkpoint
from model.vit import VisionTransformer
from service.bundle import read_bundle
from service.contract import GOLDEN_FILE, WEIGHTS_FILE
from service.decoding import ImageLimits, decode_image
from service.errors import (
    ContractError,
    InvalidInput,
    InvalidParameter,
    NotTraceable,
    Overloaded,
)
from service.golden import Golden
from service.preprocess import fit
from service.settings import EMBEDDED_BUNDLES
from service.trace.message import message, quantized
from service.trace.parameters import Parameters
from service.trace.question import PROBLEMS_TOLD
from service.trace.tensors import TENSORS
from tests.model.vits import PUBLIC_SHAPES
from tests.service.live import Live, serving
from tests.service.pictures import draw, encode, text_of
from tests.service.problems import assert_problem
from tests.service.traces import by_torch, everything_of, read, values_of

PNG = encode(draw())
TINY_TOKENS = 17


@pytest.fixture(scope="module")
def odd(odd_bundles) -> Iterator[Live]:
    with serving(odd_bundles) as server:
        yield server


@pytest.fixture(scope="module")
def embedded() -> Iterator[Live]:
    with serving(EMBEDDED_BUNDLES, precision="int8", max_trace_bytes=32 * 1024**2) as server:
        yield server


@pytest.fixture(scope="module", params=PUBLIC_SHAPES)
def public(request, public_bundles) -> Iterator[Live]:
    with serving(public_bundles, default_model=request.param) as server:
        yield server


@pytest.fixture(params=["live", "odd", "embedded"])
def server(request) -> Live:
    return request.getfixturevalue(request.param)


def model_of(server: Live) -> VisionTransformer:
    return load_checkpoint(server.context.registry.get().engine.bundle.folder).model


def trace(server: Live, *tensors: str, **query: object) -> tuple[dict, dict]:
    asked = {"tensors": ",".join(tensors), **query}
    return read(server.client.post("/trace", params=asked, content=PNG))


def test_every_tensor_of_every_layer_and_head_is_the_models_own(server: Live) -> None:
    assert_own(server)


def test_every_tensor_of_a_model_of_a_public_shape_is_its_own(public: Live) -> None:
    assert_own(public)


def assert_own(server: Live) -> None:
    model = model_of(server)
    names = everything_of(model)
    found, _ = trace(server, *names)
    found.pop("pixels")
    expected = by_torch(model, found["pixel_values"])
    assert found.keys() == expected.keys()
    for name, values in found.items():
        assert values.dtype == np.float32
        close = 1e-4 * max(1.0, float(np.abs(expected[name]).max()))
        np.testing.assert_allclose(values, expected[name], rtol=0, atol=close, err_msg=name)


def test_what_a_model_of_a_public_shape_has_not_is_refused_by_name(public: Live) -> None:
    has = everything_of(model_of(public))
    wanting = [name for name in TENSORS if name not in has]
    asked = {"tensors": ",".join(wanting)}
    response = public.client.post("/trace", params=asked, content=PNG)
    told = assert_problem(response, InvalidParameter)["detail"]
    for name in wanting[:PROBLEMS_TOLD]:
        assert re.search(f"this model has no [a-zA-Z ]+, so no {name}; leave it out", told), told


def test_the_pixels_are_the_picture_as_the_model_sees_it(server: Live) -> None:
    rules = server.context.registry.get().contract.preprocessing
    found, _ = trace(server, "pixels", dtype="f16")
    fitted = fit(decode_image(PNG, ImageLimits(), at_least=rules.size), rules)
    assert found["pixels"].dtype == np.uint8
    np.testing.assert_array_equal(found["pixels"], np.asarray(fitted))


def test_a_trace_says_what_it_is_of(odd: Live) -> None:
    _, told = trace(odd, "logits")
    assert told["format"] == "vitrine-trace/1"
    assert told["precision"] == "fp32"
    assert told["model"] == odd.client.post("/classify", content=PNG).json()["model"]
    assert told["image"] == odd.client.post("/classify", content=PNG).json()["image"]
    box = odd.client.post("/explain", content=PNG).json()["grid"]["crop_box"]
    assert told["crop_box"] == pytest.approx(box)
    assert told["architecture"] == {
        "image_size": [24, 40],
        "patch_size": 8,
        "grid": [3, 5],
        "depth": 3,
        "heads": 2,
        "width": 24,
        "prefix_tokens": 3,
        "class_token": True,
        "registers": 2,
        "pooling": "mean",
        "norm_after_pooling": False,
        "pre_norm": False,
        "norm_epsilon": 1e-5,
        "layer_scale": True,
    }
    assert told["quantization"] == {}
    assert told["units"] == []


def test_only_the_layers_and_heads_asked_for_come(live: Live) -> None:
    whole, _ = trace(live, "scores", "output")
    found, _ = trace(live, "scores", "output", layers="1", heads="0")
    assert found.keys() == {"layers.1.output", "layers.1.heads.0.scores"}
    for name, values in found.items():
        np.testing.assert_allclose(values, whole[name], rtol=0, atol=1e-6)


def test_only_the_units_asked_for_of_every_weight_come_in_their_order(odd: Live) -> None:
    weights = [name for name, tensor in TENSORS.items() if tensor.has_units]
    assert len(weights) == 8
    whole, _ = trace(odd, *weights, "query_bias", "norm_weight")
    found, told = trace(odd, *weights, "query_bias", "norm_weight", units="3,4,0")
    assert told["units"] == [3, 4, 0]
    assert found.keys() == whole.keys()
    for name, values in found.items():
        expected = whole[name][[3, 4, 0]] if name.split(".")[-1] in weights else whole[name]
        np.testing.assert_array_equal(values, expected, err_msg=name)


def test_what_has_no_layers_heads_or_units_comes_whole(live: Live) -> None:
    found, _ = trace(live, "logits", "norm_bias", layers="1", heads="1", units="2")
    whole, _ = trace(live, "logits", "norm_bias")
    for name, values in whole.items():
        np.testing.assert_allclose(found[name], values, rtol=0, atol=1e-6)


def test_halves_are_within_their_step(odd: Live) -> None:
    names = everything_of(model_of(odd))
    exact, _ = trace(odd, *names)
    found, told = trace(odd, *names, dtype="f16")
    assert told["quantization"] == {}
    for name, values in found.items():
        if name != "pixels":
            assert values.dtype == np.float16
            np.testing.assert_allclose(values, exact[name], rtol=2**-10, atol=1e-5, err_msg=name)


def test_levels_are_within_half_a_step_and_reach_both_ends(odd: Live) -> None:
    names = everything_of(model_of(odd))
    exact, _ = trace(odd, *names)
    levels, told = trace(odd, *names, dtype="u8")
    assert told["quantization"].keys() == levels.keys() - {"pixels"}
    for name, values in values_of(levels, told).items():
        assert levels[name].dtype == np.uint8
        if name != "pixels":
            step = told["quantization"][name]["scale"]
            np.testing.assert_allclose(values, exact[name], atol=0.51 * step + 1e-5, err_msg=name)
            assert (levels[name].min(), levels[name].max()) == (0, 255)


def test_a_model_that_is_served_in_int8_is_traced_in_fp32(embedded: Live) -> None:
    assert embedded.client.get("/models").json()[0]["precision"] == "int8"
    found, told = trace(embedded, "logits", "pixel_values")
    logits = by_torch(model_of(embedded), found["pixel_values"])["logits"]
    np.testing.assert_allclose(found["logits"], logits, rtol=0, atol=1e-4)
    assert told["precision"] == "fp32"


@pytest.mark.parametrize("form", ["multipart", "json"])
def test_a_picture_may_come_in_any_form(live: Live, form) -> None:
    body = {"files": {"image": PNG}} if form == "multipart" else {"json": {"image": text_of(PNG)}}
    found, _ = read(live.client.post("/trace?tensors=logits", **body))
    np.testing.assert_allclose(found["logits"], trace(live, "logits")[0]["logits"], atol=1e-6)


def test_several_pictures_are_refused(live: Live) -> None:
    files = [("image", PNG), ("image", PNG)]
    response = live.client.post("/trace?tensors=logits", files=files)
    assert_problem(response, InvalidInput, "of one picture", "2 came", "send one at a time")


def test_a_broken_picture_is_told_as_elsewhere(live: Live) -> None:
    assert live.client.post("/trace?tensors=norm_bias", content=b"hello").status_code == 415


def refused(live: Live, query: str) -> dict[str, list[str]]:
    problem = assert_problem(live.client.post(f"/trace?{query}", content=PNG), InvalidParameter)
    found: dict[str, list[str]] = {}
    for error in problem["errors"]:
        found.setdefault(error["pointer"], []).append(error["detail"])
        assert error["detail"] in problem["detail"]
    return found


def test_all_that_is_wrong_is_told_at_once(live: Live) -> None:
    query = "tensors=qery,reg_token,ls1_gamma,key_bias,key_bias,fc1_weight&layers=2,x,1,1&heads=2"
    assert refused(live, f"{query}&units=96,0") == {
        "tensors": [
            "tensor 'qery' does not exist; the nearest are query, query_bias, key",
            "this model has no registers, so no reg_token; leave it out",
            "this model has no LayerScale, so no ls1_gamma; leave it out",
            "tensor 'key_bias' is named twice; name each once",
        ],
        "layers": [
            "layer '2' does not exist; this model has layers 0 to 1",
            "layer 'x' does not exist; this model has layers 0 to 1",
            "layer 1 is named twice; name each once",
        ],
        "heads": ["head '2' does not exist; this model has heads 0 to 1"],
        "units": ["fc1_weight unit '96' does not exist; this model has fc1_weight units 0 to 95"],
    }


def test_a_unit_must_be_one_of_every_weight(live: Live) -> None:
    told = refused(live, "tensors=fc1_weight,query_weight&units=12")
    assert told["units"] == [
        "query_weight unit '12' does not exist; this model has query_weight units 0 to 11"
    ]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("", "tensors"),
        ("tensors=", "tensors"),
        ("tensors=logits&layers=", "layers"),
        ("tensors=logits&layers=-1", "layers"),
        ("tensors=logits&layers=%D9%A1", "layers"),
        ("tensors=logits&heads=00", "heads"),
        ("tensors=logits&dtype=f64", "dtype"),
        ("tensors=logits&layer=1", "layer"),
        (f"tensors={'x' * 9000}", "tensors"),
        (f"tensors=logits&layers={','.join(map(str, range(9000)))}", "layers"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_few_words(live: Live, query, pointer) -> None:
    told = refused(live, query)
    assert told.keys() == {pointer}
    assert sum(map(len, told[pointer])) < 1000


def test_a_trace_that_would_be_too_large_is_refused_before_it_is_made(tiny_bundles) -> None:
    most = 4 * TINY_TOKENS**2  # one head's scores
    with serving(tiny_bundles, max_trace_bytes=most) as live:
        found, _ = trace(live, "scores", layers=0, heads=0)
        assert found["layers.0.heads.0.scores"].nbytes == most
        assert len(trace(live, "attention", dtype="u8")[0]) == 4
        engine = live.context.registry.get().engine
        runs = live.metric("vitrine_passes_total")
        response = live.client.post(
            "/trace", params={"tensors": "scores,logits", "layers": "0,1"}, content=PNG
        )
        assert engine.is_open("trace")
        assert live.metric("vitrine_passes_total") == runs
    problem = assert_problem(
        response,
        InvalidParameter,
        f"{4 * most + 12:,} bytes, more than {most:,}",
        f"scores has {4 * most:,} bytes, 4 of [17, 17] in f32",
        "ask for fewer tensors, layers, heads or units, or for dtype f16 or u8",
    )
    assert {error["pointer"] for error in problem["errors"]} == {"tensors"}


def test_a_bundle_without_a_trace_says_how_to_add_it(copy_bundle) -> None:
    folder = copy_bundle(lambda contract: contract["graphs"].pop("trace"))
    with serving(folder) as lean:
        assert lean.client.get("/models").json()[0]["is_traceable"] is False
        response = lean.client.post("/trace?tensors=logits", content=PNG)
        assert_problem(
            response,
            NotTraceable,
            "model tiny 1 has no graph of traces",
            "'vitrine-model add-trace tiny/1'",
        )
        assert lean.client.post("/explain", content=PNG).status_code == 200


def test_models_say_that_they_can_be_traced(live: Live) -> None:
    assert live.client.get("/models").json()[0]["is_traceable"] is True


def test_a_graph_that_gives_other_numbers_than_it_was_exported_with_gives_no_trace(
    copy_bundle, tiny_bundle
) -> None:
    golden = Golden.load(tiny_bundle / GOLDEN_FILE)
    folder = copy_bundle()
    with serving(folder) as live:
        model = live.context.registry.get()
        model._golden = replace(golden, logits=golden.logits + 1)
        response = live.client.post("/trace?tensors=logits", content=PNG)
    assert response.status_code == 500
    assert "golden traced logits are off by 1" in response.json()["detail"]


def test_weights_that_do_not_tell_their_shape_are_not_served(tiny_bundle, tmp_path) -> None:
    bundle = replace(read_bundle(tiny_bundle), folder=tmp_path)
    for written in (b"no tensors", save({"a": np.zeros(1, np.float32)})):
        (tmp_path / WEIGHTS_FILE).write_bytes(written)
        with pytest.raises(ContractError, match="does not tell the shape of its model"):
            Parameters(bundle)


def test_numbers_beyond_those_of_halves_are_refused() -> None:
    large = {"hidden": np.array([1.0, -70_000.0], np.float32)}
    with pytest.raises(InvalidParameter, match="hidden has numbers beyond 65,504"):
        message(large, "f16", {})
    assert load(message(large, "f32", {}))["hidden"][1] == -70_000


def test_a_tensor_of_one_number_comes_exact_in_levels() -> None:
    levels, how = quantized(np.full((2, 3), 0.1, np.float32))
    assert levels.shape == (2, 3)
    np.testing.assert_array_equal(np.float32(how.minimum + how.scale * levels), np.float32(0.1))


def test_the_graph_is_opened_when_it_is_first_asked_for(tiny_bundles) -> None:
    with serving(tiny_bundles) as fresh:
        engine = fresh.context.registry.get().engine
        trace(fresh, "pixels", "head_weight")
        assert not engine.is_open("trace")
        trace(fresh, "logits")
        assert engine.is_open("trace")


def test_it_is_admitted_and_counted_among_explanations(tiny_bundles) -> None:
    with serving(tiny_bundles, max_queue=1) as live:
        before = live.metric("vitrine_passes_total", lane="explain")
        trace(live, "output", layers="0,1")
        assert live.metric("vitrine_passes_total", lane="explain") == before + 2
        assert live.metric("vitrine_requests_total", route="/trace", code="200") == 1
        model = live.context.registry.get()
        with model.explaining(1):
            response = live.client.post("/trace?tensors=logits", content=PNG)
            assert_problem(response, Overloaded)


def test_where_the_time_went_is_told(live: Live) -> None:
    response = live.client.post("/trace?tensors=logits", content=PNG)
    stages = re.findall(r"(\w+);dur=", response.headers["server-timing"])
    assert stages == ["read", "decode", "queue", "explain", "encode", "total"]


def test_a_message_is_laid_out_as_the_format_says(live: Live) -> None:
    content = live.client.post("/trace?tensors=logits,pixels,cls_token", content=PNG).content
    size = int.from_bytes(content[:8], "little")
    assert size % 8 == 0
    shapes = {name: values.shape for name, values in trace(live, "logits", "cls_token")[0].items()}
    assert shapes == {"logits": (3,), "cls_token": (1, 24)}
    rest = len(content) - 8 - size
    assert rest == 4 * (3 + 24) + math.prod((32, 32, 3))
