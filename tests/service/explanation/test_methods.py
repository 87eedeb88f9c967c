"""The seven methods over a real socket, against torch, for every shape of model."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch.nn import functional

from model.export import export_bundle
from model.vit import VisionTransformer
from service.contract import Preprocessing
from service.decoding import ImageLimits
from service.preprocess import preprocess
from tests import autograd
from tests.model.pets import LABELS, MEAN, STD, checkpoint, pets_vit
from tests.model.vits import ODD, PUBLIC_SHAPES, public_vit, small_vit
from tests.service.live import Live, serving
from tests.service.pictures import draw, encode
from tests.untraced import untraced_exporter

PNG = encode(draw(70, 52))
TOLERANCE = 1e-4  # of the largest score
ROUNDING = 1e-6  # of logits that are computed in 32 bits
PATCH = 8
SHAPES = {
    "mean pooling": {"pooling": "mean"},
    "registers on a grid of 3 x 5": {"registers": 3, "image_size": (24, 40)},
}
PETS = "class token and LayerScale"
ALL_AT_ONCE = "mean pooling with registers and LayerScale on a grid of 3 x 5"


@dataclass(frozen=True)
class Subject:
    """A bundle that is served, and its model with the picture's pixels, in 64 bits."""

    server: Live
    model: VisionTransformer
    pixels: torch.Tensor

    @property
    def grid(self) -> tuple[int, int]:
        return self.model.config.grid

    @property
    def steps(self):
        return self.model.steps(self.pixels)

    def ask(self, **query: object) -> dict:
        response = self.server.client.post("/explain", params=query, content=PNG)
        assert response.status_code == 200, response.text
        return response.json()

    def logits(self, pixels: torch.Tensor, keep: torch.Tensor | None = None) -> torch.Tensor:
        with torch.no_grad():
            return self.model(pixels, keep)


@pytest.fixture(scope="module", params=[PETS, ALL_AT_ONCE, *SHAPES, *PUBLIC_SHAPES])
def subject(request, tmp_path_factory) -> Iterator[Subject]:
    """Serve one model of each shape, two or three blocks deep."""
    served: dict[str, str] = {}
    if request.param in PUBLIC_SHAPES:
        made, bundles = (
            checkpoint(public_vit(request.param)),
            request.getfixturevalue("public_bundles"),
        )
        served = {"default_model": request.param}
    elif request.param == PETS:
        made, bundles = checkpoint(pets_vit()), request.getfixturevalue("pets_bundles")
    elif request.param == ALL_AT_ONCE:
        made, bundles = checkpoint(small_vit(**ODD)), request.getfixturevalue("odd_bundles")
    else:
        made = checkpoint(small_vit(depth=2, **SHAPES[request.param]))
        bundles = tmp_path_factory.mktemp("bundles")
        with untraced_exporter():
            export_bundle(made, bundles, "small", "1")
    rules = Preprocessing.model_validate(made.preprocessing)
    pixels = preprocess(PNG, rules, ImageLimits())[1]
    with serving(bundles, max_batch_size=6, **served) as server:
        exact = copy.deepcopy(made.model).double()
        yield Subject(server, exact, torch.from_numpy(pixels)[None].double())


def one_hot(target: int, versus: int | None = None) -> torch.Tensor:
    weights = torch.zeros(len(LABELS), dtype=torch.float64)
    weights[target] = 1
    if versus is not None:
        weights[versus] = -1
    return weights


def assert_same_map(
    scores: list, expected: torch.Tensor | np.ndarray, rounding: float = 0.0
) -> None:
    """Compare maps; `rounding` is what differences of logits may be off by in 32 bits."""
    values = np.asarray(expected.detach() if isinstance(expected, torch.Tensor) else expected)
    allowed = TOLERANCE * float(np.abs(values).max())
    assert values.max() - values.min() > 10 * allowed  # the map says something
    found = np.array(scores)
    expected = values.reshape(found.shape)
    np.testing.assert_allclose(found, expected, rtol=0, atol=allowed + rounding)


def predicted(subject: Subject) -> int:
    return int(subject.logits(subject.pixels).argmax())


# relevance


@pytest.mark.parametrize("start_layer", [0, 1])
@pytest.mark.parametrize(("sign", "factor"), [("positive", 1.0), ("negative", -1.0)])
def test_relevance_equals_autograds(subject, sign, factor, start_layer) -> None:
    answer = subject.ask(target=[1, 3], sign=sign, start_layer=start_layer)
    for target, one in zip((1, 3), answer["maps"], strict=True):
        expected = autograd.relevance(
            subject.model, subject.steps, one_hot(target), sign=factor, start_layer=start_layer
        )
        allowed = TOLERANCE * float(expected.max())
        found = np.array(one["scores"]).ravel()
        np.testing.assert_allclose(found, expected, rtol=0, atol=allowed)
        if start_layer == 0:
            assert_same_map(one["scores"], expected)


def test_relevance_of_both_signs_is_the_one_minus_the_other(subject) -> None:
    found = {sign: subject.ask(target=2, sign=sign) for sign in ("positive", "negative", "both")}
    maps = {sign: np.array(answer["scores"]) for sign, answer in found.items()}
    np.testing.assert_allclose(maps["both"], maps["positive"] - maps["negative"], atol=1e-6)
    assert [found[sign]["scale"]["signed"] for sign in found] == [False, False, True]


# legrad, gradcam


def test_legrad_equals_autograds(subject) -> None:
    expected = autograd.legrad(subject.model, subject.steps, one_hot(4))
    assert_same_map(subject.ask(method="legrad", target=4)["scores"], expected)


def test_gradcam_equals_that_of_a_hook(subject) -> None:
    answer = subject.ask(method="gradcam", target=[0, 1, 2, 3, 4])
    maps = [one["scores"] for one in answer["maps"]]
    assert np.max(maps) > 0
    for target, scores in enumerate(maps):
        expected = autograd.gradcam(subject.model, subject.pixels, one_hot(target))
        allowed = TOLERANCE * float(expected.max())
        np.testing.assert_allclose(np.ravel(scores), expected, rtol=0, atol=allowed)


# what is explained


@pytest.mark.parametrize("method", ["relevance", "legrad", "rollout", "attention", "gradcam"])
def test_five_classes_are_explained_by_one_run(subject, method) -> None:
    counted = {
        name: subject.server.metric(name, lane="explain")
        for name in ("vitrine_batch_size_count", "vitrine_batch_size_sum")
    }
    answer = subject.ask(method=method, target=list(LABELS))
    assert [one["target"]["label"] for one in answer["maps"]] == list(LABELS)
    for name, before in counted.items():
        assert subject.server.metric(name, lane="explain") == before + 1


@pytest.mark.parametrize("method", ["relevance", "legrad", "gradcam"])
def test_the_predicted_class_is_explained_where_none_is_named(subject, method) -> None:
    best = predicted(subject)
    answer, named = subject.ask(method=method), subject.ask(method=method, target=best)
    assert answer["target"]["index"] == best
    assert (answer["target"]["source"], named["target"]["source"]) == ("predicted", "requested")
    np.testing.assert_allclose(answer["scores"], named["scores"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("method", ["relevance", "legrad", "gradcam", "occlusion"])
def test_a_class_is_explained_rather_than_another(subject, method) -> None:
    weights = one_hot(1, versus=3)
    expected = {
        "relevance": lambda: autograd.relevance(subject.model, subject.steps, weights),
        "legrad": lambda: autograd.legrad(subject.model, subject.steps, weights),
        "gradcam": lambda: autograd.gradcam(subject.model, subject.pixels, weights),
        "occlusion": lambda: token_falls(subject) @ weights,
    }[method]()
    found = np.array(subject.ask(method=method, target="bee", versus="dog")["scores"])
    allowed = TOLERANCE * max(1.0, float(expected.abs().max()))
    np.testing.assert_allclose(found.ravel(), expected, rtol=0, atol=allowed)


# rollout, attention


def joined(subject: Subject, fusion: str) -> list[torch.Tensor]:
    """Give every layer's attention [N, N] with its heads joined."""
    join = {"mean": torch.mean, "max": torch.amax, "min": torch.amin}[fusion]
    return [join(block.attention[0], dim=0).detach().float() for block in subject.steps.blocks]


def without_weakest(attention: torch.Tensor, ratio: float, prefix: int) -> torch.Tensor:
    """Drop each row's weakest patches one after another, then let the row sum to 1."""
    kept = attention.clone()
    for row in kept:
        for _ in range(int(ratio * (len(row) - prefix))):
            patches = row[prefix:]
            patches[torch.where(patches > 0, patches, torch.inf).argmin()] = 0
        row /= row.sum()
    return kept


@pytest.mark.parametrize("fusion", ["mean", "max", "min"])
@pytest.mark.parametrize("start_layer", [0, 1])
def test_rollout_is_the_product_of_the_layers(subject, fusion, start_layer) -> None:
    expected = autograd.rollout(subject.model, joined(subject, fusion), start_layer=start_layer)
    answer = subject.ask(method="rollout", fusion=fusion, start_layer=start_layer)
    assert_same_map(answer["scores"], expected)


@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.95])
def test_rollout_without_the_weakest_patches_follows_rows_that_sum_to_1(subject, ratio) -> None:
    prefix = subject.model.config.prefix_tokens
    layers = [without_weakest(layer, ratio, prefix) for layer in joined(subject, "mean")]
    answer = subject.ask(method="rollout", discard_ratio=ratio)
    assert_same_map(answer["scores"], autograd.rollout(subject.model, layers))


@pytest.mark.parametrize("method", ["rollout", "attention"])
def test_to_discard_nothing_is_the_same_as_not_to_discard(subject, method) -> None:
    nothing, plain = subject.ask(method=method, discard_ratio=0), subject.ask(method=method)
    assert nothing["scores"] == plain["scores"]


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("head", [0, 1])
def test_attention_is_what_the_readout_looks_at_in_a_head(subject, layer, head) -> None:
    attention = subject.steps.blocks[layer].attention[0, head]
    answer = subject.ask(method="attention", layer=layer, head=head)
    assert_same_map(answer["scores"], autograd.read_out(subject.model, attention))


@pytest.mark.parametrize("fusion", ["mean", "max", "min"])
def test_attention_joins_the_heads_of_the_last_layer(subject, fusion) -> None:
    expected = autograd.read_out(subject.model, joined(subject, fusion)[-1])
    assert_same_map(subject.ask(method="attention", fusion=fusion)["scores"], expected)


def test_attention_without_the_weakest_patches_sums_to_1_again(subject) -> None:
    prefix = subject.model.config.prefix_tokens
    attention = subject.steps.blocks[0].attention[0, 1].detach().float()
    expected = autograd.read_out(subject.model, without_weakest(attention, 0.6, prefix))
    answer = subject.ask(method="attention", layer=0, head=1, discard_ratio=0.6)
    assert_same_map(answer["scores"], expected)


# the pictures that stand for nothing


def baseline_of(subject: Subject, name: str) -> torch.Tensor:
    """Make a baseline of the picture's pixels: as the documentation says, in torch."""
    mean, std = (torch.tensor(values, dtype=torch.float64) for values in (MEAN, STD))
    if name == "blur":
        small = functional.adaptive_avg_pool2d(subject.pixels, 4)
        size = subject.pixels.shape[-2:]
        return functional.interpolate(small, size, mode="bilinear", align_corners=False)
    level = {"black": torch.zeros(3), "white": torch.ones(3), "mean": mean}[name]
    return ((level - mean) / std)[None, :, None, None].expand_as(subject.pixels)


BASELINES = ["black", "white", "mean", "blur"]


# integrated gradients


def integrated(subject: Subject, weights: torch.Tensor, baseline: str, steps: int) -> torch.Tensor:
    """Integrate autograd's gradient along the straight path, at the points of Gauss's rule: [n]."""
    start = baseline_of(subject, baseline)
    total = torch.zeros_like(start)
    places, shares = np.polynomial.legendre.leggauss(steps)
    for place, share in zip((places + 1) / 2, shares / 2, strict=True):
        point = start + place * (subject.pixels - start)
        total += share * autograd.pixel_gradient(subject.model, point, weights)
    moved = (total * (subject.pixels - start)).sum(dim=1, keepdim=True)
    return functional.avg_pool2d(moved, PATCH).flatten() * PATCH**2


@pytest.mark.parametrize("baseline", BASELINES)
def test_integrated_gradients_equal_autograds_along_the_path(subject, baseline) -> None:
    query = {"method": "integrated_gradients", "steps": 18, "baseline": baseline}
    answer = subject.ask(target=[0, 2], **query)
    pixels = torch.cat([subject.pixels, baseline_of(subject, baseline)])
    whole, empty = subject.logits(pixels)
    for target, one in zip((0, 2), answer["maps"], strict=True):
        expected = integrated(subject, one_hot(target), baseline, 18)
        assert_same_map(one["scores"], expected)
        missed = float(expected.sum() - (whole - empty)[target])
        allowed = 10 * TOLERANCE * max(1.0, float(expected.abs().max()))
        assert one["completeness_error"] == pytest.approx(missed, abs=allowed)


def test_integrated_gradients_of_one_class_rather_than_another(subject) -> None:
    query = {"method": "integrated_gradients", "steps": 6}
    answer = subject.ask(target=2, versus=4, **query)
    assert_same_map(answer["scores"], integrated(subject, one_hot(2, 4), "mean", 6))


def test_integrated_gradients_of_the_predicted_class(subject) -> None:
    query = {"method": "integrated_gradients", "steps": 4}
    answer = subject.ask(**query)
    assert answer["target"]["index"] == predicted(subject)
    expected = integrated(subject, one_hot(predicted(subject)), "mean", 4)
    assert_same_map(answer["scores"], expected)


def test_more_steps_miss_less_of_the_difference_of_the_logits(subject) -> None:
    errors = [
        np.mean(
            [
                abs(one["completeness_error"])
                for one in subject.ask(
                    method="integrated_gradients", target=[0, 1, 2, 3, 4], steps=steps
                )["maps"]
            ]
        )
        for steps in (2, 128)
    ]
    assert errors[1] < errors[0] / 5
    assert errors[1] < 0.05


# occlusion


def token_falls(subject: Subject) -> torch.Tensor:
    """Give what the logits fall by without each patch: [n, C]."""
    everything = torch.arange(subject.model.config.patches)
    without = [everything[everything != patch][None] for patch in everything]
    whole = subject.logits(subject.pixels)
    return torch.cat([whole - subject.logits(subject.pixels, keep) for keep in without])


def painted_falls(subject: Subject, removal: str) -> torch.Tensor:
    """Give what the logits fall by where each patch is painted over: [n, C]."""
    whole, baseline = subject.logits(subject.pixels), baseline_of(subject, removal)
    rows, columns = subject.grid
    falls = []
    for row in range(rows):
        for column in range(columns):
            painted = subject.pixels.clone()
            place = (
                ...,
                slice(row * PATCH, (row + 1) * PATCH),
                slice(column * PATCH, (column + 1) * PATCH),
            )
            painted[place] = baseline[place]
            falls.append(whole - subject.logits(painted))
    return torch.cat(falls)


def test_occlusion_is_the_fall_without_each_token(subject) -> None:
    falls = token_falls(subject)
    answer = subject.ask(method="occlusion", target=[0, 3])
    assert answer["removal"] == "token"
    for target, one in zip((0, 3), answer["maps"], strict=True):
        assert_same_map(one["scores"], falls[:, target], ROUNDING)
        assert one["scale"]["signed"]


@pytest.mark.parametrize("removal", BASELINES)
def test_occlusion_is_the_fall_where_each_patch_is_painted_over(subject, removal) -> None:
    answer = subject.ask(method="occlusion", removal=removal)
    assert answer["removal"] == removal
    falls = painted_falls(subject, removal)
    assert_same_map(answer["scores"], falls[:, predicted(subject)], ROUNDING)


# faithfulness


@pytest.mark.parametrize("removal", ["token", "blur"])
def test_the_points_of_a_curve_are_the_probabilities_of_what_is_left(subject, removal) -> None:
    answer = subject.ask(target=1, faithfulness=True, steps=4, removal=removal)
    scores = np.ravel(answer["scores"])
    most = sorted(range(len(scores)), key=lambda patch: (-scores[patch], patch))
    measured = answer["faithfulness"]
    for curve, order in (
        (measured["most_relevant_first"], most),
        (measured["least_relevant_first"], most[::-1]),
    ):
        for share, probability in zip(measured["removed"], curve["curve"], strict=True):
            gone = round(share * len(order))
            expected = probability_of(subject, 1, order[gone:], removal)
            assert probability == pytest.approx(expected, abs=TOLERANCE)
        first = max(1, round(len(order) / 10))
        whole = probability_of(subject, 1, order, removal)
        without = whole - probability_of(subject, 1, order[first:], removal)
        alone = whole - probability_of(subject, 1, order[:first], removal)
        assert curve["comprehensiveness"] == pytest.approx(without, abs=TOLERANCE)
        assert curve["sufficiency"] == pytest.approx(alone, abs=TOLERANCE)


def probability_of(subject: Subject, target: int, left: list[int], removal: str) -> float:
    """Give a class's probability with the patches that are left, by torch alone."""
    if removal == "token":
        logits = subject.logits(subject.pixels, torch.tensor([left], dtype=torch.int64))
    else:
        rows, columns = subject.grid
        mask = torch.zeros(rows * columns)
        mask[left] = 1
        pixels_of = mask.reshape(rows, columns).kron(torch.ones(PATCH, PATCH))
        baseline = baseline_of(subject, removal)
        logits = subject.logits(torch.where(pixels_of > 0, subject.pixels, baseline))
    return float(logits[0].softmax(dim=0)[target])
