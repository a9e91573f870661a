"""By what a thing was computed, and what that took, is noted with it and read back."""

import dagster as dg
import pytest

from imgsim_assets.resources.provenance import computation_in, computed_by, marked, noting, spent_in
from imgsim_assets.serving.provisional import provisional_settings
from imgsim_assets.settings import Canny
from imgsim_assets.settings_sources import load_settings
from imgsim_assets.spending import Spent


def test_what_is_noted_is_read_back():
    computed = computed_by("canny/2", canny=Canny(), photos=7)
    made = noting(dg.MaterializeResult(metadata={"rows": 3}), computed, Spent(1.23456, 7.65432))
    metadata = made.metadata
    assert metadata is not None
    assert metadata["rows"] == 3
    read = dg.AssetMaterialization("a", metadata=metadata).metadata  # as Dagster keeps it
    assert computation_in(read) == {"revision": "canny/2", "canny": Canny().model_dump(mode="json"), "photos": 7}
    assert spent_in(read) == Spent(1.235, 7.654)


def test_what_was_not_noted_is_empty_and_half_a_time_is_none():
    assert computation_in({}) == {}
    assert computation_in({"computed_by": dg.MetadataValue.text("canny/2")}) == {}
    assert spent_in({"wall_seconds": dg.FloatMetadataValue(1.0)}) is None
    assert noting(dg.MaterializeResult(), computed_by("a/1"), Spent(1.0, 1.0)).metadata is not None


def test_the_code_version_is_moved_by_revision_and_by_each_setting():
    versions = [
        computed_by(revision, canny=canny)["code_version"]
        for revision in ("canny/2", "canny/3")
        for canny in (Canny(), Canny(low=50, high=250))
    ]
    assert len(set(versions)) == 4
    assert computed_by("canny/2", canny=Canny())["code_version"] == versions[0]


@pytest.mark.parametrize("early", [False, True])
def test_what_is_made_for_a_provisional_answer_is_another_thing(early: bool):
    final, computed = load_settings(environ={}), computed_by("a/1", photos=7)
    found = marked(computed, provisional_settings(final) if early else final)
    assert (found["code_version"] != computed["code_version"]) == early
    noted = computation_in(found["metadata"])
    assert noted["photos"] == 7
    assert (dict(noted) != dict(computation_in(computed["metadata"]))) == early
