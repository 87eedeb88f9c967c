"""Passes through the graphs of explanations, and the pictures that they are made of."""

from __future__ import annotations

import numpy as np
import pytest

from service.bundle import read_bundle
from service.contract import Contract
from service.engine import Engine
from service.errors import InferenceFailed
from service.explanation.passes import (
    Mixture,
    Pass,
    Patches,
    passes_together,
    run_passes,
    run_passes_apart,
)
from service.explanation.removal import PatchRemover, all_patches, baseline_picture, cut
from tests.service.architectures import architecture

LOGITS = ("logits",)


@pytest.fixture(scope="module")
def engine(tiny_bundle) -> Engine:
    return Engine(read_bundle(tiny_bundle), threads=1)


@pytest.fixture(scope="module")
def contract(tiny_bundle) -> Contract:
    return read_bundle(tiny_bundle).contract


def picture(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((3, 32, 32), np.float32)


# mixtures


def test_a_mixture_holds_no_picture_of_its_own() -> None:
    whole, baseline = picture(0), picture(1)
    for share in (0.25, np.ones((32, 32), bool)):
        mixture = Mixture(whole, baseline, share)
        assert np.shares_memory(mixture.picture, whole)
        assert np.shares_memory(mixture.baseline, baseline)


@pytest.mark.parametrize("removal", ["token", "black", "white", "mean", "blur"])
def test_every_pass_without_a_patch_shares_the_one_picture(contract, removal) -> None:
    whole = picture()
    remover = PatchRemover(whole, removal, contract)
    passes = [remover.with_only(np.delete(np.arange(16), patch)) for patch in range(16)]
    pictures = [
        one.pixel_values.picture if isinstance(one.pixel_values, Mixture) else one.pixel_values
        for one in passes
    ]
    assert all(np.shares_memory(shared, whole) for shared in pictures)
    baselines = {
        id(one.pixel_values.baseline) for one in passes if isinstance(one.pixel_values, Mixture)
    }
    assert len(baselines) == (0 if removal == "token" else 1)


def test_a_share_lies_between_the_baseline_and_the_picture() -> None:
    whole, baseline = picture(0), picture(1)
    np.testing.assert_array_equal(Mixture(whole, baseline, 0.0).values(), baseline)
    np.testing.assert_allclose(Mixture(whole, baseline, 1.0).values(), whole, atol=1e-6)
    half = Mixture(whole, baseline, 0.5).values()
    assert half.dtype == np.float32
    np.testing.assert_allclose(half, (whole + baseline) / 2, atol=1e-6)


def test_a_mixture_of_patches_shows_the_picture_in_those_alone() -> None:
    whole, baseline = picture(0), picture(1)
    first_row = Patches(np.arange(4), grid=(4, 4), side=8)
    shown = Mixture(whole, baseline, first_row).values()
    np.testing.assert_array_equal(shown[:, :8], whole[:, :8])
    np.testing.assert_array_equal(shown[:, 8:], baseline[:, 8:])


# batches


def test_a_large_models_passes_run_one_by_one_and_a_small_ones_together() -> None:
    large = architecture().model_copy(
        update={"grid": (14, 14), "depth": 12, "heads": 12, "width": 768}
    )
    assert passes_together(large, 8) == 1
    assert passes_together(architecture(), 8) == 8


def test_a_picture_that_overflows_fails_alone(tiny_bundle) -> None:
    engine = Engine(read_bundle(tiny_bundle), threads=1)
    keep = all_patches(engine.bundle.contract.architecture)
    good, bad = picture(0), np.full((3, 32, 32), np.nan, np.float32)
    passes = [Pass.attend(pixels, keep, ("logits",)) for pixels in (good, bad, good)]
    first, failed, last = run_passes_apart(engine, passes, 8)
    assert isinstance(failed, InferenceFailed)
    np.testing.assert_array_equal(first["logits"], last["logits"])
    with pytest.raises(InferenceFailed, match="logits"):
        run_passes(engine, passes, 8)


# removal


def test_pixels_are_cut_into_patches_row_by_row() -> None:
    shape = architecture()
    pixels = np.arange(3 * 16 * 24, dtype=np.float32).reshape(3, 16, 24)
    patches = cut(pixels, shape)
    assert patches.shape == (6, 3 * 64)
    np.testing.assert_array_equal(patches[4], pixels[:, 8:, 8:16].ravel())


def test_every_patch_has_its_number() -> None:
    assert all_patches(architecture()).tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(("baseline", "level"), [("black", 0), ("white", 1), ("mean", 0.5)])
def test_a_plain_baseline_is_its_colour_as_the_model_sees_it(contract, baseline, level) -> None:
    found = baseline_picture(picture(), baseline, contract.preprocessing)
    np.testing.assert_allclose(found, (level - 0.5) / 0.25)
    assert found.shape == (3, 32, 32)


def test_a_blurred_picture_keeps_its_mean_and_loses_its_detail(contract) -> None:
    whole = picture()
    found = baseline_picture(whole, "blur", contract.preprocessing)
    np.testing.assert_allclose(found.mean(axis=(1, 2)), whole.mean(axis=(1, 2)), atol=0.05)
    assert found.std() < whole.std() / 4


# many together


def test_results_come_in_the_order_of_their_passes_whatever_runs_together(engine) -> None:
    passes = [
        Pass.attend(picture(seed), np.arange(kept), LOGITS)
        for seed, kept in ((0, 16), (1, 5), (2, 16), (3, 5), (4, 9))
    ]
    alone = [run_passes(engine, [one], 1)[0]["logits"] for one in passes]
    for size in (1, 2, 8):
        together = run_passes(engine, passes, size)
        for found, expected in zip(together, alone, strict=True):
            np.testing.assert_allclose(found["logits"], expected, atol=1e-4)


def test_passes_of_both_graphs_may_come_together(engine) -> None:
    weights = np.zeros((2, 3), np.float32)
    passes = [
        Pass.explain(picture(), ("relevance",), logit_weights=weights),
        Pass.attend(picture(), np.arange(16), ("logits", "attention")),
        Pass.explain(
            picture(), ("layer_evidence",), logit_weights=weights[:0], layer_weights=weights
        ),
    ]
    relevance, attended, evidence = run_passes(engine, passes, 8)
    assert relevance.keys() == {"relevance"}
    assert relevance["relevance"].shape == (2, 2, 16)
    assert attended["attention"].shape == (2, 2, 17, 17)
    assert evidence["layer_evidence"].shape == (2, 16)


def test_no_passes_give_no_results(engine) -> None:
    assert run_passes(engine, [], 8) == []
