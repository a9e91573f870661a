"""Thumbnails: of one size whatever the photo, and an empty place where it is away."""

import base64
import io

import polars as pl
import pytest
from PIL import Image

from imgsim_assets.fingerprint import content_id
from imgsim_assets.settings_sources import load_settings
from imgsim_assets.vision.frame import NOT_LOOKED_AT
from imgsim_assets.vision.thumbnails import thumbnail, thumbnails


@pytest.mark.parametrize(("mode", "size"), [("RGB", (300, 100)), ("L", (1, 500)), ("RGBA", (5, 5))])
def test_a_thumbnail_is_a_square_jpeg(mode, size):
    data = base64.b64decode(thumbnail(Image.new(mode, size), 48).split(",")[1])
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.size) == ("JPEG", (48, 48))


def test_a_photo_that_is_away_or_changed_leaves_its_place_empty_and_is_told_of(tmp_path):
    (tmp_path / "train").mkdir()
    names = ["there.png", "changed.png", "away.png"]
    for name in names:
        Image.new("RGB", (8, 8), "red").save(tmp_path / "train" / name)
    ids = ["of other bytes" if name == "changed.png" else content_id(tmp_path / "train" / name) for name in names]
    (tmp_path / "train" / "away.png").unlink()
    catalogue = pl.DataFrame(
        {"split": "train", "name": names, "path": [f"train/{name}" for name in names], "content_id": ids}
    )
    settings = load_settings(overrides={"places": {"data": tmp_path, "state": tmp_path / "state"}}, environ={})
    gone: set[str] = set()
    show = thumbnails(settings, catalogue, gone)
    side = settings.report.thumbnail
    there, *empty = [show("train", name) for name in names]
    assert there == thumbnail(Image.new("RGB", (8, 8), "red"), side)
    assert empty == [thumbnail(NOT_LOOKED_AT, side)] * 2
    assert gone == {ids[1], ids[2]}
