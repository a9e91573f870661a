"""What MLflow is told of a run's settings: all that decide the result, so that two runs can be told apart."""

import pytest

from imgsim_assets.resources.measuring import parameters
from imgsim_assets.settings import Settings
from imgsim_assets.settings_sources import load_settings

ELSEWHERE = {"places", "runtime", "tracking", "automation"}  # where and how fast it ran, which decides nothing


@pytest.fixture(scope="module")
def told() -> dict[str, object]:
    return parameters(load_settings(environ={}))


def test_every_stage_of_the_settings_is_told(told):
    assert {name.partition(".")[0] for name in told} == set(Settings.model_fields) - ELSEWHERE


def test_each_setting_is_a_parameter_of_its_own(told):
    assert told["head.shrinkage"] == "auto"
    assert not any(isinstance(value, dict) and value for value in told.values())
