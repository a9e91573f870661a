"""What is said of settings that are refused; which are is held by `test_settings_sources`."""

import pytest
from pydantic import ValidationError

from imgsim_assets.settings import Settings
from imgsim_assets.settings_refusal import Layer, closest, refusal

BACKBONES = {"a": {"uri": "compact:small"}}


def refused(*layers: Layer) -> str:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate(layers[-1].tree)
    return refusal(caught.value, list(layers)).found


def test_a_value_is_told_with_the_last_place_that_gives_it():
    low = {"backbones": BACKBONES, "canny": {"low": -1}}
    said = refused(Layer("the file", low), Layer("elsewhere", {"canny": {"high": 9}}), Layer("the command line", low))
    assert said.startswith("canny.low = -1 (from the command line): must be greater than or equal to 0")


def test_a_value_that_fits_none_of_several_types_is_one_problem_and_two_values_are_two():
    tree = {"backbones": BACKBONES, "canny": {"low": -1}, "evaluation": {"folds": 1}}
    problems = refused(Layer("the file", tree)).split("; ")
    assert [problem.partition(" = ")[0] for problem in problems] == ["canny.low", "evaluation.folds"]
    assert problems[0].endswith("or must be 'auto'")


def test_the_nearest_known_name_is_offered_and_none_where_none_is_near():
    assert closest("canny.lo", ["canny.low", "canny.blur"]) == ", did you mean canny.low?"
    assert closest("zzz", ["canny.low", "canny.blur"]) == ""
