"""Thumbnails: photos made small, as text that stands in a page."""

import base64
import functools
import io
from collections.abc import Callable

import polars as pl
from PIL import Image

from imgsim_assets.settings import Settings
from imgsim_assets.vision.frame import NOT_LOOKED_AT
from imgsim_assets.vision.photo import decode_photo
from imgsim_assets.vision.photo_file import PhotoError
from imgsim_assets.vision.rows import path_of

JPEG_QUALITY = 80
BACKDROP = (244, 244, 242)


def thumbnails(settings: Settings, catalogue: pl.DataFrame, away: set[str]) -> Callable[[str, str], str]:
    """Give what draws the thumbnail of a photo of a split, by name.

    Args:
        settings: where the photos are, and how large thumbnails are.
        catalogue: rows of `raw_images`.
        away: is told the photos whose place stays empty, since their file is away, by content id.
    """
    chosen = catalogue.select("split", "name", "path", "content_id")
    rows = {(row["split"], row["name"]): row for row in chosen.iter_rows(named=True)}

    @functools.cache
    def show(split: str, name: str) -> str:
        row = rows[split, name]
        try:
            photo = decode_photo(path_of(row, settings), settings.ingest.max_pixels, known_by=row["content_id"])
        except PhotoError:
            away.add(row["content_id"])
            photo = NOT_LOOKED_AT
        return thumbnail(photo, settings.report.thumbnail)

    return show


def thumbnail(photo: Image.Image, side: int) -> str:
    """Return `photo` inside a square of `side` pixels, as a JPEG data address."""
    scaled = photo.convert("RGB")
    scaled.thumbnail((side, side), Image.Resampling.LANCZOS)
    square = Image.new("RGB", (side, side), BACKDROP)
    square.paste(scaled, ((side - scaled.width) // 2, (side - scaled.height) // 2))
    buffer = io.BytesIO()
    square.save(buffer, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
