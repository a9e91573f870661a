"""A photo that is away, changed or not to be read for a moment is tried again, and loses nothing for good."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import polars as pl
import pytest

from imgsim_assets.assets import embeddings
from imgsim_assets.assets.images import edges
from imgsim_assets.assets.keeping import TABLE
from imgsim_assets.errors import InputError
from imgsim_assets.orchestration.unsettled import unsettled
from imgsim_assets.resources.store import Store
from imgsim_assets.settings_sources import load_settings
from imgsim_assets.storage.formats import write_table
from imgsim_assets.vision import thumbnails
from imgsim_assets.vision.away import away_fact
from imgsim_tests.broken_files import encoded, picture
from imgsim_tests.workplace import Workplace


def keep(store: Store, key: str, table: pl.DataFrame, gone: list[str]) -> None:
    store.artefacts.keep(key, lambda folder: write_table(folder / TABLE, table), away_fact(gone, 100))


@pytest.mark.parametrize(
    ("reason", "path", "said"),
    [
        ("unreadable", "there.jpg", {"raw_images": "1 photo that can be read now"}),
        ("unreadable", "nowhere.jpg", {}),
        ("not a file", ".", {}),
        ("changed", "nowhere.jpg", {"raw_images": "1 photo that can be read now"}),
        ("truncated", "there.jpg", {}),
        (None, "there.jpg", {}),
    ],
)
def test_a_file_that_could_not_be_read_is_looked_at_again_once_it_can(tmp_path, reason, path, said):
    (tmp_path / "there.jpg").write_bytes(b"x")
    settings = load_settings(
        overrides={"places": {"data": str(tmp_path), "state": str(tmp_path / "state")}}, environ={}
    )
    store = Store(state=str(tmp_path / "state"))
    keep(store, "raw_images", pl.DataFrame({"path": [path], "reason": pl.Series([reason], dtype=pl.String)}), [])
    assert unsettled(store, settings, ["raw_images"]) == said


def test_what_failed_for_reasons_of_the_day_is_not_done(tmp_path):
    settings = load_settings(overrides={"places": {"state": str(tmp_path / "state")}}, environ={})
    store, table = Store(state=str(tmp_path / "state")), pl.DataFrame({"content_id": ["0"]})
    keep(store, "canny_maps", table, ["1", "2"])
    keep(store, "embeddings/tiny", table, [])
    assert unsettled(store, settings, ["canny_maps", "embeddings/tiny", "publication"]) == {
        "canny_maps": "2 photos that could not be read"
    }
    # The sensor looks every few seconds.
    assert unsettled(store, settings, ["canny_maps"], patience=3600.0) == {}
    os.utime(store.artefacts.open("canny_maps").folder, (0, 0))
    assert set(unsettled(store, settings, ["canny_maps"], patience=3600.0)) == {"canny_maps"}


def test_a_folder_that_goes_away_as_a_whole_is_no_matter_of_single_photos():
    assert away_fact([], 5) == {}
    assert away_fact(["a"] * 10, 12) == {"away": 10}  # of few photos, few say nothing of the folder
    assert away_fact(["a"] * 100, 1000) == {"away": 100}
    with pytest.raises(InputError, match="101 of 1000 away or changed"):
        away_fact(["a"] * 101, 1000)


@contextlib.contextmanager
def meanwhile(path: Path, other: bytes | None) -> Iterator[None]:
    """Take a file away, or put other bytes in its place, while edges are found and photos embedded."""
    aside = path.parents[1] / "aside"

    def disturbed(step):
        def run(*args, **named):
            path.rename(aside)
            if other is not None:
                path.write_bytes(other)
            try:
                return step(*args, **named)
            finally:
                aside.replace(path)

        return run

    with (
        mock.patch.object(edges, "find_missing_edges", disturbed(edges.find_missing_edges)),
        mock.patch.object(embeddings, "compute_vectors", disturbed(embeddings.compute_vectors)),
    ):
        yield


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "other"), [("test/test_00003.jpg", encoded(picture(5), "JPEG")), ("train/train_00003.jpg", None)]
)
def test_a_photo_that_is_not_itself_for_a_moment_is_lost_for_no_longer(
    unsynced: Workplace, synced_once: Workplace, name: str, other: bytes | None
):
    with meanwhile(unsynced.photos / name, other):
        unsynced.sync()
    assert unsynced.submission() != synced_once.submission()
    status = unsynced.status()
    for key in ("canny_maps", "embeddings/tiny"):
        assert (status[key].state, status[key].causes) == ("stale", ("1 photo that could not be read",))
    again = unsynced.sync({"publication": {"gate": "off"}}).materialized
    assert {"canny_maps", "embeddings/tiny", "submission", "publication"} <= set(again)
    for key in ("canny_maps", "embeddings/tiny"):
        assert unsynced.table(key).equals(synced_once.table(key))
    for key in ("gallery_vectors", "query_vectors"):
        assert unsynced.table(key)["name"].equals(synced_once.table(key)["name"])
    if name.startswith("test/"):  # one new train photo is not learned from, so the ranking may differ
        assert unsynced.submission() == synced_once.submission()
    assert unsynced.sync({"publication": {"gate": "off"}}).materialized == []


@pytest.mark.slow
def test_the_report_leaves_the_place_of_a_photo_that_is_away_empty(synced: Workplace):
    whole = (synced.published / "report.html").read_bytes()
    (photo,) = synced.photos.glob("test/test_00000.jpg")
    real = thumbnails.decode_photo

    def away_for_now(path, *limits, **known_by):
        return real(path.with_name("gone.jpg") if path == photo else path, *limits, **known_by)

    overrides = {"report": {"queries": 12}}
    with mock.patch.object(thumbnails, "decode_photo", away_for_now):
        assert synced.sync(overrides).materialized == ["retrieval_report", "publication"]
    assert synced.status(overrides)["retrieval_report"].causes == ("1 photo that could not be read",)
    assert synced.sync(overrides).materialized == ["retrieval_report", "publication"]
    assert synced.sync(overrides).materialized == []
    synced.sync()
    assert (synced.published / "report.html").read_bytes() == whole
