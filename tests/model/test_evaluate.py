"""Accuracy as it is served."""

import io
import shutil
import threading
import zipfile
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from PIL import Image

from model import labelled
from model.evaluate import calibration_error, evaluate, measure, record
from model.labelled import classify_pictures, labelled_pictures
from model.sources import DataError
from service.bundle import read_bundle
from service.engine import Engine
from service.local import LocalModel
from tests.model.pets import LABELS


@pytest.fixture(scope="module")
def folder(pets_bundle, tmp_path_factory):
    """A bundle that what was measured may be written into."""
    return shutil.copytree(pets_bundle, tmp_path_factory.mktemp("bundles") / "pets")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Twelve test pictures of noise in two of the classes, and one that is broken."""
    root = tmp_path_factory.mktemp("data") / "test"
    random = np.random.default_rng(0)
    for label in ("bee", "elk"):
        (root / label).mkdir(parents=True)
        for index in range(6):
            levels = random.integers(0, 255, (40, 50, 3)).astype(np.uint8)
            Image.fromarray(levels).save(root / label / f"{index}.png")
    (root / "bee" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    return root.parent


def test_it_counts_what_the_service_itself_would_answer(folder, pictures):
    model = LocalModel(folder)
    answers = [
        (path.parent.name, model.classify(path, 1).predictions[0].label)
        for path in sorted(pictures.glob("test/*/?.png"))
    ]
    measured = evaluate(folder, [str(pictures)])
    assert measured.images == 12
    assert measured.top1 == pytest.approx(np.mean([true == found for true, found in answers]))
    for true, found in answers:
        assert measured.confusion[LABELS.index(true), LABELS.index(found)] >= 1
    assert measured.confusion.sum() == 12


def test_broken_pictures_are_left_out_and_counted(folder, pictures, caplog):
    assert evaluate(folder, [str(pictures)]).broken == 1
    assert "broken.png" in caplog.text


def test_progress_ends_at_the_total(folder, pictures):
    seen = []
    evaluate(folder, [str(pictures)], progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (13, 13)


def test_workers_side_by_side_give_what_one_gives_in_order(folder, pictures, monkeypatch):
    monkeypatch.setattr(labelled, "BATCH", 2)
    bundle = read_bundle(folder)
    engine = Engine(bundle, threads=1)
    found = labelled_pictures(bundle, [str(pictures)], "test")
    one, several = (
        classify_pictures([engine], found, "test", workers=workers) for workers in (1, 4)
    )
    assert np.array_equal(one.logits[0], several.logits[0])
    assert np.array_equal(one.targets, several.targets)
    assert several.targets.tolist() == sorted(several.targets.tolist())
    assert one.broken == several.broken == 1


def test_workers_really_work_side_by_side(folder, pictures, monkeypatch):
    monkeypatch.setattr(labelled, "BATCH", 2)
    bundle = read_bundle(folder)
    both = threading.Barrier(2, timeout=60)  # nobody passes alone

    def meeting(picture, size):
        both.wait()
        return picture.decode(size)

    found = labelled_pictures(bundle, [str(pictures)], "test")
    found = [replace(picture, decode=partial(meeting, picture)) for picture in found[:8]]
    classified = classify_pictures([Engine(bundle, threads=1)], found, "test", workers=2)
    assert len(classified.targets) + classified.broken == 8


def test_an_error_ends_it_without_the_rest(folder, pictures, monkeypatch):
    monkeypatch.setattr(labelled, "BATCH", 1)
    bundle = read_bundle(folder)
    decoded = []

    def counted(picture, size):
        decoded.append(picture.name)
        return picture.decode(size)

    def stop(done, total):
        raise KeyboardInterrupt

    found = labelled_pictures(bundle, [str(pictures)], "test") * 20
    found = [replace(picture, decode=partial(counted, picture)) for picture in found]
    with pytest.raises(KeyboardInterrupt):
        classify_pictures([Engine(bundle, threads=1)], found, "test", stop, workers=2)
    assert len(decoded) < len(found) / 2


def test_a_zip_gives_the_same_numbers(folder, pictures, tmp_path):
    archive = tmp_path / "pictures.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for path in pictures.glob("test/*/?.png"):
            opened.write(path, path.relative_to(pictures))
    np.testing.assert_array_equal(
        evaluate(folder, [str(archive)]).confusion, evaluate(folder, [str(pictures)]).confusion
    )


def test_a_class_that_the_model_does_not_know_is_refused_by_name(folder, tmp_path):
    (tmp_path / "test" / "gnu").mkdir(parents=True)
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    (tmp_path / "test" / "gnu" / "0.png").write_bytes(buffer.getvalue())
    with pytest.raises(DataError, match="gnu in test is no label of pets; its labels are ant"):
        evaluate(folder, [str(tmp_path)])


def test_an_empty_part_is_refused(folder, pictures):
    with pytest.raises(DataError, match="has no pictures in validation"):
        evaluate(folder, [str(pictures)], part="validation")


def test_a_part_of_broken_pictures_is_refused(folder, tmp_path):
    (tmp_path / "test" / "bee").mkdir(parents=True)
    (tmp_path / "test" / "bee" / "0.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="every picture of test is broken"):
        evaluate(folder, [str(tmp_path)])


def test_what_was_measured_is_written_into_contract_and_card(folder, pictures):
    measured = evaluate(folder, [str(pictures)])
    record(folder, measured, "test")
    contract = read_bundle(folder).contract
    assert contract.precisions["fp32"].top1 == pytest.approx(measured.top1)
    assert contract.precisions["fp32"].images == 12
    assert contract.provenance.metrics["test"]["confusion"] == measured.confusion.tolist()
    card = (folder / "README.md").read_text()
    assert f"top-1 {measured.top1:.2%}" in card
    assert "| elk |" in card


def test_top_5_counts_the_true_class_among_the_five_most_probable():
    logits = np.zeros((2, 7), np.float32)
    logits[0] = [6, 5, 4, 3, 2, 1, 0]
    logits[1] = [0, 1, 2, 3, 4, 5, 6]
    measured = measure(logits, np.array([4, 1]), tuple("abcdefg"))
    assert measured.top1 == 0
    assert measured.top5 == 0.5


def test_confident_and_right_is_calibrated_and_confident_and_wrong_is_not():
    shares = np.array([[0.99, 0.01], [0.01, 0.99]], np.float32)
    assert calibration_error(shares, np.array([0, 1])) == pytest.approx(0.01, abs=1e-6)
    assert calibration_error(shares, np.array([1, 0])) == pytest.approx(0.99, abs=1e-6)


def test_the_report_names_every_class_and_figure():
    logits = np.eye(2, dtype=np.float32) * 3
    report = measure(logits, np.array([0, 1]), ("cat", "dog")).report()
    assert "top-1              100.00%" in report
    assert "100.00%  dog" in report
