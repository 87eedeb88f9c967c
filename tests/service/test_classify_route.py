"""`POST /classify` over a real socket."""

from __future__ import annotations

import httpx
import pytest

from service.errors import (
    InvalidInput,
    InvalidParameter,
    ModelNotFound,
    PayloadTooLarge,
    UnreadableImage,
    UnsupportedMediaType,
)
from tests.service.live import Live, serving
from tests.service.pictures import draw, encode, header_bomb, text_of
from tests.service.problems import assert_problem

PNG = encode(draw())
JPEG = encode(draw(seed=1), "JPEG", quality=95)


def one(response: httpx.Response) -> dict:
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize(
    "content_type",
    [
        "image/png",
        "image/jpeg",
        "IMAGE/PNG; name=x",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
        None,
    ],
)
def test_raw_bytes_are_read_whatever_picture_type_is_declared(live: Live, content_type) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = one(live.client.post("/classify", content=PNG, headers=headers))
    assert answer["image"] == {
        "format": "PNG",
        "width": 48,
        "height": 40,
        "orientation_applied": False,
    }


def test_the_answer_names_the_model_that_gave_it(live: Live) -> None:
    answer = one(live.client.post("/classify", content=PNG))
    model = live.context.registry.get()
    assert answer["model"] == {"name": "tiny", "version": "1", "digest": model.digest}


def test_the_answer_says_where_the_time_went(live: Live) -> None:
    timing = one(live.client.post("/classify", content=PNG))["timing_ms"]
    assert set(timing) == {"decode", "queue", "inference", "total"}
    assert 0 < timing["decode"] + timing["queue"] + timing["inference"] <= timing["total"]


def test_one_multipart_part_is_answered_like_raw_bytes(live: Live) -> None:
    parts = [("image", ("cat.png", PNG, "image/png"))]
    answer = one(live.client.post("/classify", files=parts))
    assert answer["predictions"] == one(live.client.post("/classify", content=PNG))["predictions"]


def test_a_multipart_part_needs_no_file_name(live: Live) -> None:
    parts = [("image", (None, PNG, "image/png"))]
    answer = one(live.client.post("/classify", files=parts))
    assert answer["image"]["format"] == "PNG"


def test_many_multipart_parts_are_answered_in_their_order(live: Live) -> None:
    parts = [("image", ("a.png", PNG)), ("image", ("b.jpg", JPEG)), ("image", ("c.png", PNG))]
    results = one(live.client.post("/classify", files=parts))["results"]
    assert [result["image"]["format"] for result in results] == ["PNG", "JPEG", "PNG"]


def test_json_with_one_image_is_answered_like_raw_bytes(live: Live) -> None:
    answer = one(live.client.post("/classify", json={"image": text_of(PNG)}))
    assert answer["predictions"] == one(live.client.post("/classify", content=PNG))["predictions"]


def test_json_with_images_is_answered_with_a_list_even_for_one(live: Live) -> None:
    answer = one(live.client.post("/classify", json={"images": [text_of(PNG)]}))
    assert [result["image"]["format"] for result in answer["results"]] == ["PNG"]


def test_a_data_url_is_read_as_its_base64(live: Live) -> None:
    url = f"data:image/png;base64,{text_of(PNG)}"
    assert one(live.client.post("/classify", json={"image": url}))["image"]["format"] == "PNG"


def test_base64_may_be_broken_into_lines(live: Live) -> None:
    text = text_of(PNG)
    lines = "\r\n".join(text[start : start + 76] for start in range(0, len(text), 76))
    assert one(live.client.post("/classify", json={"image": lines}))["image"]["format"] == "PNG"


def test_predictions_are_all_classes_where_top_k_allows(live: Live) -> None:
    predictions = one(live.client.post("/classify", content=PNG))["predictions"]
    assert sorted(item["label"] for item in predictions) == ["cat", "dog", "ship"]
    assert sum(item["probability"] for item in predictions) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(("top_k", "expected"), [("1", 1), ("2", 2), ("9" * 30, 3)])
def test_top_k_says_how_many_classes_are_named(live: Live, top_k, expected) -> None:
    answer = one(live.client.post("/classify", params={"top_k": top_k}, content=PNG))
    assert len(answer["predictions"]) == expected


def test_the_embedding_is_the_readout_and_comes_when_asked_for(live: Live) -> None:
    answer = one(live.client.post("/classify", params={"embedding": "true"}, content=PNG))
    assert len(answer["embedding"]) == live.context.registry.get().contract.architecture.width
    assert "embedding" not in one(live.client.post("/classify", content=PNG))


def test_a_model_and_version_may_be_named(live: Live) -> None:
    query = {"model": "tiny", "version": "1"}
    assert one(live.client.post("/classify", params=query, content=PNG))["model"]["name"] == "tiny"


def test_pictures_of_one_request_are_one_batch(live: Live) -> None:
    batches = live.metric("vitrine_batch_size_count", lane="classify")
    images = live.metric("vitrine_batch_size_sum", lane="classify")
    one(live.client.post("/classify", json={"images": [text_of(PNG)] * 4}))
    assert live.metric("vitrine_batch_size_count", lane="classify") == batches + 1
    assert live.metric("vitrine_batch_size_sum", lane="classify") == images + 4


def test_one_bad_picture_does_not_fail_the_others(live: Live) -> None:
    images = [text_of(data) for data in (PNG, b"no picture", JPEG)]
    results = one(live.client.post("/classify", json={"images": images}))["results"]
    assert [result.get("image", {}).get("format") for result in results] == ["PNG", None, "JPEG"]
    assert results[1]["error"]["type"] == "urn:vitrine:problem:unsupported-media-type"
    assert results[1]["error"]["status"] == 415


def test_a_list_of_bad_pictures_gives_each_its_error(live: Live) -> None:
    images = [text_of(b"no picture"), text_of(PNG[:60])]
    results = one(live.client.post("/classify", json={"images": images}))["results"]
    assert [result["error"]["status"] for result in results] == [415, 422]


def test_equal_pictures_get_equal_answers_alone_and_in_a_batch(live: Live) -> None:
    alone = one(live.client.post("/classify", content=PNG))["predictions"]
    images = [text_of(data) for data in (JPEG, PNG, JPEG)]
    together = one(live.client.post("/classify", json={"images": images}))["results"][1]
    for found, expected in zip(together["predictions"], alone, strict=True):
        assert found["label"] == expected["label"]
        assert found["probability"] == pytest.approx(expected["probability"], abs=1e-5)


def test_an_empty_body_is_refused(live: Live) -> None:
    assert_problem(live.client.post("/classify"), InvalidInput, "0 bytes", "send")


def test_a_body_of_another_type_is_refused_with_the_types_that_are_read(live: Live) -> None:
    response = live.client.post("/classify", content=PNG, headers={"Content-Type": "text/html"})
    assert_problem(response, UnsupportedMediaType, "text/html", "send image/*, application/octet")


def test_text_is_refused_with_the_formats_that_are_read(live: Live) -> None:
    assert_problem(
        live.client.post("/classify", content=b"hello"),
        UnsupportedMediaType,
        "5 bytes",
        "JPEG, PNG, WEBP",
        "convert",
    )


def test_a_broken_picture_is_refused_with_what_is_wrong(live: Live) -> None:
    assert_problem(
        live.client.post("/classify", content=PNG[:-40]),
        UnreadableImage,
        "PNG picture of 48 x 40 pixels",
        "truncated",
        "save it again",
    )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", ("not JSON", "send it as UTF-8 JSON")),
        (b"\xff\xfe\xfa", ("not JSON",)),
        (b"[" * 100_000, ("not JSON", "deep")),
        (b"[]", ("must be", '{"image": base64}')),
        (b'{"images": []}', ("must be",)),
        (b'{"images": "x"}', ("must be",)),
        (b'{"image": "", "top_k": 1}', ("nothing else",)),
        (b'{"image": "\xc3\xa9"}', ("/image is not base64", "encode")),
        (b'{"image": 7}', ("/image is not base64",)),
        (b'{"image": "abc"}', ("/image is not base64",)),
        (b'{"images": ["", {}]}', ("/images/1 is not base64",)),
    ],
)
def test_json_that_cannot_be_read_is_refused_with_the_form_expected(live, body, words) -> None:
    headers = {"Content-Type": "application/json"}
    response = live.client.post("/classify", content=body, headers=headers)
    assert_problem(response, InvalidInput, *words)


def test_base64_that_is_wrong_is_pointed_at(live: Live) -> None:
    response = live.client.post("/classify", json={"images": [text_of(PNG), "!"]})
    assert assert_problem(response, InvalidInput)["errors"][0]["pointer"] == "/images/1"


@pytest.mark.parametrize(
    ("content_type", "body", "words"),
    [
        ("multipart/form-data", b"x", ("multipart body cannot be read", "boundary")),
        ("multipart/form-data; boundary=b", b"no boundary here", ("cannot be read",)),
        ("multipart/form-data; boundary=b", b"--b--\r\n", ("no part named 'image'",)),
        (
            "multipart/form-data; boundary=b",
            b"--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b--\r\n",
            ("cannot be read",),
        ),
    ],
)
def test_multipart_that_cannot_be_read_is_refused(live, content_type, body, words) -> None:
    headers = {"Content-Type": content_type}
    response = live.client.post("/classify", content=body, headers=headers)
    assert_problem(response, InvalidInput, *words)


def test_a_part_of_another_name_is_refused_with_the_right_name(live: Live) -> None:
    parts = [("picture", ("a.png", PNG)), ("top_k", (None, "1"))]
    problem = assert_problem(
        live.client.post("/classify", files=parts),
        InvalidInput,
        "unknown parts: picture, top_k",
        "'image'",
    )
    assert [item["pointer"] for item in problem["errors"]] == ["picture", "top_k"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"top_k": "0"}, ("top_k", "greater than or equal to 1", "0")),
        ({"top_k": "many"}, ("top_k", "integer", "many")),
        ({"embedding": "perhaps"}, ("embedding", "perhaps")),
        ({"topk": "1"}, ("topk", "no such parameter", "/docs")),
    ],
)
def test_a_parameter_that_does_not_fit_is_named_with_its_value(live: Live, query, words) -> None:
    response = live.client.post("/classify", params=query, content=PNG)
    problem = assert_problem(response, InvalidParameter, *words)
    assert [item["pointer"] for item in problem["errors"]] == list(query)


def test_everything_wrong_in_a_query_is_reported_at_once(live: Live) -> None:
    response = live.client.post(
        "/classify", params={"top_k": "x", "embedding": "perhaps"}, content=PNG
    )
    problem = assert_problem(response, InvalidParameter)
    assert [item["pointer"] for item in problem["errors"]] == ["top_k", "embedding"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"model": "huge"}, ("model huge", "there are tiny 1")),
        ({"version": "7"}, ("tiny version 7", "there are tiny 1")),
    ],
)
def test_a_model_that_is_not_served_is_answered_with_those_that_are(live, query, words) -> None:
    response = live.client.post("/classify", params=query, content=PNG)
    assert_problem(response, ModelNotFound, *words)


@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (12_000, 9_000), (8_000, 6_251)])
def test_a_header_that_states_too_many_pixels_is_refused_undecoded(live, width, height) -> None:
    response = live.client.post("/classify", content=header_bomb(width, height))
    assert_problem(response, PayloadTooLarge, "50,000,000", "send a smaller one")


def chunks_of(data: bytes):
    yield from (data[start : start + 1000] for start in range(0, len(data), 1000))


def test_limits_hold_for_declared_and_streamed_bodies_and_for_each_image(tiny_bundles) -> None:
    limits = {"max_body_bytes": 3000, "max_image_bytes": 1000, "max_images": 2}
    big = bytes(3001)
    with serving(tiny_bundles, **limits) as small:
        post = small.client.post
        assert_problem(post("/classify", content=big), PayloadTooLarge, "3,001", "3,000", "send")
        assert_problem(post("/classify", content=chunks_of(big)), PayloadTooLarge, "3,000")
        assert_problem(post("/classify", content=bytes(2000)), PayloadTooLarge, "2,000", "1,000")
        many = {"images": ["AAAA"] * 3}
        assert_problem(post("/classify", json=many), PayloadTooLarge, "3 images", "2", "several")
        assert post("/classify", content=chunks_of(encode(draw(8, 8)))).status_code == 200


def test_many_parts_are_refused_before_they_are_all_read(live: Live) -> None:
    limit = live.context.settings.max_images
    files = [("image", (f"{index}.png", b"")) for index in range(limit + 1)]
    assert_problem(
        live.client.post("/classify", files=files), PayloadTooLarge, f"beyond {limit}", "several"
    )
    assert_problem(
        live.client.post("/classify", json={"images": [""] * (limit + 1)}),
        PayloadTooLarge,
        f"beyond {limit}",
    )


def test_the_names_of_unknown_parts_are_told_in_short(live: Live) -> None:
    response = live.client.post("/classify", files={"x" * 900: ("a.png", PNG)})
    assert_problem(response, InvalidInput, "unknown parts", "x" * 64)
    assert len(response.content) < 1000


def test_a_wrong_method_is_told_the_right_one(live: Live) -> None:
    response = live.client.get("/classify")
    assert response.status_code == 405
    assert "use POST" in response.json()["detail"]
