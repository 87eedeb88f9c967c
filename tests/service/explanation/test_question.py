"""What is asked is checked against the model before anything runs."""

from __future__ import annotations

import numpy as np
import pytest

from service.bundle import read_bundle
from service.contract import Contract
from service.errors import InvalidParameter
from service.explanation.methods import METHODS
from service.explanation.question import ExplainOptions, Question, ask, find_label

LABELS = ("cat", "dog", "ship")


@pytest.fixture(scope="module")
def contract(tiny_bundle) -> Contract:
    return read_bundle(tiny_bundle).contract


def refused(contract: Contract, **options: object) -> InvalidParameter:
    with pytest.raises(InvalidParameter) as refusal:
        ask(contract, ExplainOptions(**options))
    return refusal.value


# labels


def test_labels_come_before_indexes() -> None:
    assert find_label("1", ("0", "2", "1"), "target") == 2
    assert find_label("1", LABELS, "target") == 1


def test_the_nearest_labels_come_first() -> None:
    with pytest.raises(InvalidParameter, match="the nearest labels are ship"):
        find_label("shp", LABELS, "versus")


@pytest.mark.parametrize("wanted", ["", "-1", "3", "01", "1.0", "CAT", "x" * 10_000])
def test_what_is_neither_label_nor_index_names_labels(wanted) -> None:
    with pytest.raises(InvalidParameter, match=r"labels are .*(cat|dog|ship)") as refusal:
        find_label(wanted, LABELS, "target")
    assert len(refusal.value.detail) < 300


# weights


def test_a_question_weighs_its_target_against_another() -> None:
    asked = Question("relevance", targets=(2,), versus=0)
    np.testing.assert_array_equal(asked.logit_weights(3), [[-1, 0, 1]])


def test_the_predicted_class_has_a_row_of_zeros() -> None:
    np.testing.assert_array_equal(Question("relevance").logit_weights(3), [[0, 0, 0]])


def test_every_target_has_a_row() -> None:
    asked = Question("relevance", targets=(2, 1), versus=0)
    np.testing.assert_array_equal(asked.logit_weights(3), [[-1, 0, 1], [-1, 1, 0]])


# what is asked


def test_what_is_left_out_takes_the_methods_defaults(contract) -> None:
    assert ask(contract, ExplainOptions()) == Question("relevance")
    asked = ask(contract, ExplainOptions(method="integrated_gradients"))
    assert asked.parameters() == {"steps": 32, "baseline": "mean"}


@pytest.mark.parametrize("method", METHODS)
def test_the_parameters_told_are_those_that_the_method_understands(contract, method) -> None:
    told = ask(contract, ExplainOptions(method=method)).parameters()
    assert set(told) <= set(METHODS[method].parameters)
    assert None not in told.values()


def test_targets_are_found_by_label_and_by_index(contract) -> None:
    asked = ask(contract, ExplainOptions(target=["ship", "0"], versus="dog"))
    assert (asked.targets, asked.versus) == ((2, 0), 1)


def test_steps_are_those_of_the_path_and_of_the_curve(contract) -> None:
    asked = ask(contract, ExplainOptions(faithfulness=True, steps=5))
    assert asked.curve_steps == 5
    both = ExplainOptions(method="integrated_gradients", faithfulness=True, steps=6)
    assert (ask(contract, both).path_steps, ask(contract, both).curve_steps) == (6, 6)


def test_a_target_named_twice_is_refused(contract) -> None:
    assert "target names cat twice" in refused(contract, target=["cat", "dog", "0"]).detail


@pytest.mark.parametrize(
    ("method", "parameter", "value", "takers"),
    [
        ("gradcam", "sign", "both", "relevance"),
        ("legrad", "start_layer", 1, "relevance or rollout"),
        ("relevance", "layer", 1, "attention"),
        ("rollout", "head", 0, "attention"),
        ("relevance", "fusion", "max", "rollout or attention"),
        ("occlusion", "discard_ratio", 0.5, "rollout or attention"),
        ("relevance", "steps", 8, "integrated_gradients or faithfulness=true"),
        ("occlusion", "baseline", "black", "integrated_gradients"),
        ("relevance", "removal", "black", "occlusion or faithfulness=true"),
        ("rollout", "versus", "cat", "relevance or legrad"),
    ],
)
def test_a_parameter_that_does_not_apply_names_where_it_does(
    contract, method, parameter, value, takers
) -> None:
    error = refused(contract, method=method, **{parameter: value})
    assert f"{parameter} does not apply to method {method}; leave it out" in error.detail
    assert takers in error.detail
    assert error.errors[0].pointer == parameter


@pytest.mark.parametrize("method", METHODS)
def test_every_other_parameter_is_refused_by_every_method(contract, method) -> None:
    values = {
        "versus": "cat", "sign": "positive", "start_layer": 0, "layer": 0, "head": 0,
        "fusion": "mean", "discard_ratio": 0.0, "steps": 2, "baseline": "mean",
        "removal": "token",
    }  # fmt: skip
    others = set(values) - set(METHODS[method].parameters)
    assert others
    for parameter in others:
        error = refused(contract, method=method, **{parameter: values[parameter]})
        assert "does not apply" in error.detail


def test_a_head_is_not_joined_with_others(contract) -> None:
    error = refused(contract, method="attention", head=1, fusion="max")
    assert "leave out either head or fusion" in error.detail


@pytest.mark.parametrize(
    ("method", "parameter", "words"),
    [
        ("attention", "layer", "layer 2 does not exist; this model has layers 0 to 1"),
        ("attention", "head", "head 2 does not exist; this model has heads 0 to 1"),
        ("relevance", "start_layer", "start_layer 2 does not exist; this model has layers 0 to 1"),
    ],
)
def test_a_layer_or_head_that_is_not_there_names_those_that_are(
    contract, method, parameter, words
) -> None:
    assert words in refused(contract, method=method, **{parameter: 2}).detail


def test_the_default_method_is_the_contracts(contract) -> None:
    better = contract.model_construct(**{**dict(contract), "explanations": None})
    assert ask(better, ExplainOptions()).method == "relevance"


@pytest.mark.parametrize(
    ("options", "removes"),
    [
        ({}, False),
        ({"method": "occlusion"}, True),
        ({"faithfulness": True}, True),
        ({"method": "integrated_gradients"}, False),
    ],
)
def test_a_question_says_whether_patches_are_taken_away(contract, options, removes) -> None:
    assert ask(contract, ExplainOptions(**options)).removes is removes


@pytest.mark.parametrize(
    ("options", "is_signed"),
    [
        ({}, False),
        ({"sign": "negative"}, False),
        ({"sign": "both"}, True),
        ({"method": "occlusion"}, True),
        ({"method": "integrated_gradients"}, True),
        ({"method": "gradcam"}, False),
    ],
)
def test_a_question_says_whether_its_map_has_a_sign(contract, options, is_signed) -> None:
    assert ask(contract, ExplainOptions(**options)).is_signed is is_signed
