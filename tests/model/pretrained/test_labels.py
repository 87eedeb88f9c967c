"""The names of classes."""

from __future__ import annotations

import json

import pytest

from model.pretrained.labels import choose_labels
from service.errors import InvalidInput


def test_labels_of_the_source_are_taken_in_the_order_of_the_classes():
    labels = choose_labels(
        {"1": "bee", "0": "ant", "10": "k", **{str(n): f"c{n}" for n in range(2, 10)}},
        "config.json",
        11,
        None,
    )
    assert labels.names[:2] == ("ant", "bee")
    assert labels.names[10] == "k"
    assert labels.origin == "config.json"
    assert labels.warnings == ()


@pytest.mark.parametrize("told", [None, {}, [], {"0": "LABEL_0", "1": "LABEL_1"}])
def test_classes_that_nobody_named_are_numbered_with_a_warning(told):
    labels = choose_labels(told, "config.json", 2, None)
    assert labels.names == ("class 0", "class 1")
    assert "--labels FILE" in labels.warnings[0]


def test_classes_that_share_a_label_get_their_numbers_and_a_warning():
    labels = choose_labels(["crane", "maillot", "crane", "dog"], "config.json", 4, None)
    assert labels.names == ("crane (0)", "maillot", "crane (2)", "dog")
    assert labels.warnings == (
        "several classes share a label, and got their numbers behind it: crane",
    )


def test_labels_that_numbers_do_not_tell_apart_are_refused():
    with pytest.raises(InvalidInput, match="repeat crane and numbering does not tell them apart"):
        choose_labels(["crane", "crane", "crane (0)"], "config.json", 3, None)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels.txt", "ant\nbee\n"),
        ("labels.json", '["ant", "bee"]'),
        ("labels.json", '{"1": "bee", "0": "ant"}'),
        ("config.json", '{"model_type": "vit", "id2label": {"0": "ant", "1": "bee"}}'),
    ],
)
def test_a_file_of_labels_wins(name, content, tmp_path):
    (tmp_path / name).write_text(content)
    labels = choose_labels(["x", "y"], "config.json", 2, tmp_path / name)
    assert labels.names == ("ant", "bee")
    assert labels.origin == str(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("ant\nbee\ncat\n", r"has 3 labels for 2 classes"),
        ("ant\n\n", r"has no label for class 1"),
    ],
)
def test_a_file_that_does_not_fit_the_classes_is_refused(content, told, tmp_path):
    (tmp_path / "labels.txt").write_text(content)
    with pytest.raises(InvalidInput, match=told):
        choose_labels(None, "config.json", 2, tmp_path / "labels.txt")


@pytest.mark.parametrize("content", ["{", "3", '{"ant": 0}', '{"0": "a", "2": "b"}'])
def test_a_file_that_holds_no_labels_is_refused(content, tmp_path):
    (tmp_path / "labels.json").write_text(content)
    with pytest.raises(InvalidInput):
        choose_labels(None, "config.json", 2, tmp_path / "labels.json")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InvalidInput, match=r"labels file .*none\.txt cannot be read"):
        choose_labels(None, "config.json", 2, tmp_path / "none.txt")


def test_labels_that_number_other_classes_are_refused():
    with pytest.raises(InvalidInput, match="do not number the classes from 0 to 1"):
        choose_labels(json.loads('{"1": "a", "2": "b"}'), "config.json", 2, None)
