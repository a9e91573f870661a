"""Broken files among good ones: listed with their reason, answered where they are test photos, and of no influence."""

import os

import polars as pl
import pytest

from imgsim_assets.definitions import build_definitions
from imgsim_assets.orchestration.staleness import read_graph
from imgsim_assets.settings import Settings
from imgsim_assets.vision import content
from imgsim_assets.vision.content_names import canny_fingerprint, inspection_table, view_fingerprint
from imgsim_assets.vision.photo import DECODING_REVISION
from imgsim_assets.vision.photo_names import is_photo_name
from imgsim_tests.broken_files import write_broken_files
from imgsim_tests.workplace import Workplace


def test_photos_that_are_decoded_otherwise_are_known_by_other_names(monkeypatch):
    settings = Settings.model_validate(
        {"backbones": {"one": {"uri": "classic:colour", "views": ["rgb", "canny_focus"]}}}
    )

    def names():
        vectors = [view_fingerprint(settings, settings.backbones["one"], view) for view in ("rgb", "canny_focus")]
        return [inspection_table(settings), canny_fingerprint(settings), *vectors]

    before = names()
    monkeypatch.setattr(content, "DECODING_REVISION", "decoding/0")
    assert not set(before).intersection(names())


def test_assets_that_decode_photos_are_computed_by_how_they_are_decoded():
    settings = Settings.model_validate({"backbones": {"one": {"uri": "classic:colour"}}})
    graph = read_graph(build_definitions(settings))
    for key in ("raw_images", "canny_maps", "embeddings/one"):
        assert graph[key].computed_by["decoding"] == DECODING_REVISION


@pytest.mark.slow
def test_broken_files_change_no_good_photos_list(unsynced: Workplace, synced_once: Workplace):
    expected = {split: write_broken_files(unsynced.photos / split) for split in ("train", "test")}
    # Special files must not outlive the test: tools that copy folders wait for ever at a pipe.
    try:
        unsynced.sync()
    finally:
        for split in expected:
            if hasattr(os, "mkfifo"):
                (unsynced.photos / split / "pipe.jpg").unlink()

    refused = unsynced.table("raw_images").filter(pl.col("status") != "ok")
    found = {
        split: dict(refused.filter(pl.col("split") == split).select("name", "reason").iter_rows()) for split in expected
    }
    assert found == expected
    assert refused["status"].unique().to_list() == ["quarantined"]
    assert refused["detail"].null_count() == 0

    lists, without = unsynced.lists(), synced_once.lists()
    assert {name: lists[name] for name in without} == without
    photos = {name for name in expected["test"] if is_photo_name(name)}
    assert set(lists) == {*without, *photos}
    assert "notes.txt" not in lists
    fallbacks = {tuple(lists[name]) for name in photos}
    assert len(fallbacks) == 1
    central = synced_once.table("gallery_vectors").sort("centrality", "name", descending=[True, False])
    assert list(fallbacks.pop()) == central["name"].head(10).to_list()
    assert (unsynced.published / "metrics.json").read_bytes() == (synced_once.published / "metrics.json").read_bytes()
    report = (unsynced.published / "report.html").read_text(encoding="utf-8")
    assert "half.heic" in report
    assert "truncated" in report
