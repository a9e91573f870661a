import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgsim_assets.orchestration.causes import differences

CASES = [
    ({"canny": {"low": 50}}, {"canny": {"low": 60}}, ["canny.low changed 50 -> 60"]),
    ({"revision": "canny/1"}, {"revision": "canny/2"}, ["its code changed canny/1 -> canny/2"]),
    ({"a": 1, "b": {"c": 2}}, {"a": 1, "b": {"d": [1, 2]}}, ["b.c is gone", "b.d is new: 1, 2"]),
    ({"views": ["rgb"]}, {"views": ["rgb", "mirror"]}, ["views changed rgb -> rgb, mirror"]),
    ({"a": None}, {}, ["a is gone"]),
]


@pytest.mark.parametrize(("before", "after", "said"), CASES)
def test_differences_name_the_setting_and_both_values(before, after, said):
    assert differences(before, after) == said


VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
STAGE = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)
SETTINGS = st.dictionaries(st.sampled_from("abc"), VALUES | STAGE, max_size=3)


@given(SETTINGS)
def test_equal_settings_differ_in_nothing(settings):
    assert differences(settings, settings) == []
