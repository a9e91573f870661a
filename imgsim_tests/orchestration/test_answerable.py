"""What is found out about a folder before anything is computed: every fault, in one list."""

import polars as pl
import pytest

from imgsim_assets.errors import UserError
from imgsim_assets.orchestration.answerable import open_folder
from imgsim_assets.retrieval.submission import require_answers
from imgsim_assets.settings import Settings
from imgsim_assets.settings_sources import load_settings
from imgsim_tests.vision.folders import flat_folder


def settings(tmp_path, **submission) -> Settings:
    places = {"data": str(tmp_path / "photos"), "state": str(tmp_path / "state")}
    return load_settings(overrides={"places": places, "submission": {"count": 3, **submission}}, environ={})


def test_a_folder_that_can_be_answered_is_opened(tmp_path):
    data = flat_folder(tmp_path, "image,label\na.png,cat\n")
    (data / "train" / "my notes.txt").write_text("no photo, so no separator is looked for in its name")
    assert open_folder(settings(tmp_path, separator=" ")).names("test") == {"x.png", "y.png"}


def test_every_fault_is_told_at_once(tmp_path):
    data = flat_folder(tmp_path)
    (data / "train" / "a.png").rename(data / "train" / "my a.png")
    (data / "solution.csv").write_text("image,label\nstranger.png,cat\n")
    with pytest.raises(UserError) as caught:
        open_folder(settings(tmp_path, count=4, separator=" "))
    expected = ["at least 4 readable train photos", "without the separator ' '", "solution.csv"]
    for number, words in enumerate(expected, 1):
        assert f"({number}) " in caught.value.expected
        assert words in caught.value.expected
    assert caught.value.found == "(1) 3; (2) 'my a.png'; (3) 1 of 1 missing there: stranger.png"
    assert "\n" not in str(caught.value)
    (data / "solution.csv").unlink()
    assert open_folder(settings(tmp_path))  # another separator is found


def test_a_link_among_the_photos_that_leads_into_the_state_folder_is_refused(tmp_path):
    data = flat_folder(tmp_path)
    (tmp_path / "state" / "publications").mkdir(parents=True)
    (tmp_path / "state" / "publications" / "thumbnail.png").write_bytes((data / "train" / "a.png").read_bytes())
    assert open_folder(settings(tmp_path))
    (data / "train" / "link").symlink_to(tmp_path / "state")
    with pytest.raises(UserError, match="no photos in the state folder"):
        open_folder(settings(tmp_path))


def test_photos_that_can_be_opened_are_counted_and_named(tmp_path):
    rows = [("train", "a b.png", "ok"), ("train", "c.png", "ok"), ("train", "d.png", "bad"), ("test", "x", "ok")]
    catalogue = pl.DataFrame(rows, schema=["split", "name", "status"], orient="row")
    require_answers(catalogue, settings(tmp_path, count=2).submission)
    with pytest.raises(UserError, match=r"\(1\) at least 3 .*\(2\) train names .*found \(1\) 2; \(2\) 'a b.png'"):
        require_answers(catalogue, settings(tmp_path, separator=" ").submission)
    require_answers(catalogue, settings(tmp_path, count=2, form="rows", separator=" ").submission)
