"""How faithful every method is on a data set: the study, its table and what follows from it."""

from __future__ import annotations

import io
import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from model.card import render_card
from model.cli import main
from model.evaluate import evaluate_explanations, record_explanations
from model.faithfulness import FaithfulnessStudy, Plan, rank_correlation, shuffled_bundle
from model.faithfulness_table import bootstrap, most_faithful, summarize
from model.gradient_attention import GradientAttention
from model.sources import read_source
from service.bundle import read_bundle
from service.engine import Engine
from service.explanation.methods import METHODS
from tests.model.pets import LABELS, pets_vit

PLAN = Plan(images=4, steps=4)


@pytest.fixture(scope="module")
def folder(pets_bundle, tmp_path_factory):
    """A bundle that what was measured may be written into."""
    return shutil.copytree(pets_bundle, tmp_path_factory.mktemp("bundles") / "pets")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(0)
    for label in LABELS[:2]:
        (root / "test" / label).mkdir(parents=True)
        for index in range(3):
            levels = random.integers(0, 255, (40, 50, 3)).astype(np.uint8)
            Image.fromarray(levels).save(root / "test" / label / f"{index}.png")
    return root


def named(pictures):
    return read_source(str(pictures), 10**9).pictures["test"]


@pytest.fixture(scope="module")
def rows(folder, pictures):
    study = FaithfulnessStudy(read_bundle(folder), PLAN, named(pictures), threads=1)
    found = study.rows(lambda done, total: None)
    study.file.unlink()
    return found


def test_images_side_by_side_give_the_same_rows_in_order(folder, pictures, rows):
    study = FaithfulnessStudy(read_bundle(folder), PLAN, named(pictures), threads=3)
    assert study.rows(lambda done, total: None) == rows
    lines = study.file.read_text().splitlines()
    study.file.unlink()
    assert [json.loads(line) for line in lines] == rows


def test_every_method_a_random_order_and_torch_are_measured_on_every_image(rows):
    references = {"random", "gradient_attention_last", "gradient_attention_all"}
    assert len(rows) == PLAN.images
    for row in rows:
        assert row.keys() == {*METHODS, *references}
        for figures in row.values():
            assert figures["delta"] == pytest.approx(figures["insertion"] - figures["deletion"])
            assert all(np.isfinite(value) for value in figures.values())


def test_methods_that_know_no_class_give_every_class_the_same_map(rows):
    for row in rows:
        assert row["rollout"]["another_class"] == pytest.approx(1)
        assert row["relevance"]["another_class"] < 1


def test_an_interrupted_study_goes_on_where_it_stopped(folder, pictures, rows):
    study = FaithfulnessStudy(read_bundle(folder), PLAN, named(pictures), threads=1)
    study.file.write_text(json.dumps({"kept": {"delta": 1.0}}) + "\n" + '{"cut off')
    done = []
    found = study.rows(lambda number, total: done.append(number))
    assert found[0] == {"kept": {"delta": 1.0}}
    assert found[1:] == rows[1:]
    assert done == [1, 2, 3, 4]
    study.file.unlink()


def test_other_pictures_are_another_study(folder, pictures):
    bundle, chosen = read_bundle(folder), named(pictures)
    studies = [FaithfulnessStudy(bundle, PLAN, some, 1) for some in (chosen, chosen[1:])]
    assert studies[0].file != studies[1].file


def test_shuffled_weights_are_the_same_numbers_and_another_model(folder, tmp_path):
    bundle = read_bundle(folder)
    shuffled = Engine(shuffled_bundle(bundle, tmp_path, seed=0), threads=1)
    pixels = np.random.default_rng(0).random((1, 3, 32, 32), np.float32)
    own = Engine(bundle, threads=1).classify(pixels).logits
    assert np.abs(shuffled.classify(pixels).logits - own).max() > 0.1


def test_the_reference_is_torchs_own_gradient_times_attention(folder):
    reference = GradientAttention(folder)
    pixels = np.random.default_rng(0).random((3, 32, 32), np.float32)
    model = pets_vit()
    steps = model.steps(torch.from_numpy(pixels)[None])
    attention = steps.blocks[-1].attention
    (gradient,) = torch.autograd.grad(steps.logits[0, 3], attention)
    expected = (gradient * attention).clamp(min=0).mean(dim=1)[0, 0, 1:].reshape(4, 4)
    found = reference.maps(pixels, 3)["gradient_attention_last"]
    np.testing.assert_allclose(found, expected.detach().numpy(), atol=1e-6)


def test_the_means_carry_intervals_that_hold_them(rows):
    table = summarize(rows, PLAN)
    for row in (*table.methods.values(), *table.references.values()):
        assert row.delta.low <= row.delta.mean <= row.delta.high
    assert table.references["random"].margin_over_random.mean == 0


def test_a_bootstrap_interval_covers_the_mean_of_what_it_is_drawn_from():
    random = np.random.default_rng(0)
    drawn = [bootstrap(random.normal(1, 2, 200), seed) for seed in range(20)]
    assert sum(one.low <= 1 <= one.high for one in drawn) >= 17


def test_the_method_with_the_largest_delta_becomes_the_default():
    apart = {"relevance": np.full(50, 0.2), "occlusion": np.full(50, 0.5)}
    assert most_faithful(apart, seed=0) == "occlusion"


def test_among_methods_that_cannot_be_told_apart_the_quick_one_becomes_the_default():
    noise = np.random.default_rng(0).normal(0, 1, 50)
    alike = {"occlusion": noise + 0.01, "relevance": np.roll(noise, 1)}
    assert most_faithful(alike, seed=0) == "relevance"


def test_quick_methods_alone_may_be_asked_for(rows):
    quick = Plan(images=4, steps=4, default_among="quick")
    assert METHODS[summarize(rows, quick).default_method].is_quick


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([1, 2, 3, 4], [10, 20, 30, 400], 1),
        ([1, 2, 3, 4], [4, 3, 2, 1], -1),
        ([1, 2, 3, 4], [5, 5, 5, 5], 0),
        ([1, 1, 2, 2], [3, 3, 8, 8], 1),
    ],
)
def test_the_rank_correlation_knows_ties_and_constants(one, other, expected):
    assert rank_correlation(np.float32(one), np.float32(other)) == pytest.approx(expected)


def test_the_table_goes_into_contract_and_card_and_sets_the_default(folder, pictures, rows):
    measured = evaluate_explanations(folder, [str(pictures)], PLAN)
    assert measured == summarize(rows, PLAN)
    record_explanations(folder, measured)
    contract = read_bundle(folder).contract
    assert contract.explanations == measured
    assert contract.default_method == measured.default_method
    card = (folder / "README.md").read_text()
    assert card == render_card(contract)
    assert f"Default method: `{measured.default_method}`" in card
    assert "| integrated_gradients | " in card


def test_the_command_prints_the_table(folder, pictures, capsys):
    arguments = ["--explanations", "--images", "2", "--steps", "3"]
    main(["evaluate", str(folder), "--data", str(pictures), *arguments])
    printed = capsys.readouterr().out
    assert "2 images of test; patches removed by token; 3 steps a curve" in printed
    assert "gradient_attention_all" in printed
    assert "default method: " in printed


def test_a_picture_that_cannot_be_read_is_left_out(folder, pictures, tmp_path):
    (tmp_path / "test" / LABELS[0]).mkdir(parents=True)
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    (tmp_path / "test" / LABELS[0] / "good.png").write_bytes(buffer.getvalue())
    (tmp_path / "test" / LABELS[0] / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    measured = evaluate_explanations(folder, [str(tmp_path)], PLAN)
    assert measured.images == 1
