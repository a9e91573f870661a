"""Photos as rows of `raw_images`: where each is, what of it is its content, and the photo itself."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from imgsim_assets.settings import Settings
from imgsim_assets.vision.canny import decode_edges
from imgsim_assets.vision.content import CONTENT_COLUMNS, Content
from imgsim_assets.vision.frame import Frame, OpenedPhoto, open_photo
from imgsim_assets.vision.scan import on_disk


def content_of(photo: Mapping[str, Any]) -> Content:
    """Give the content of a photo, a row of `raw_images`."""
    return Content(*(photo[name] for name in CONTENT_COLUMNS))


def path_of(photo: Mapping[str, Any], settings: Settings) -> Path:
    """Say where a photo, a row of `raw_images`, is."""
    return settings.places.data / on_disk(photo["path"])


def usable_photos(catalogue: pl.DataFrame) -> pl.DataFrame:
    """Keep the photos that can be decoded, in the catalogue's order (split, name)."""
    return catalogue.filter(pl.col("status") == "ok")


def open_row(
    settings: Settings, photo: Mapping[str, Any], frames: Sequence[Frame], row: Mapping[str, Any] | None = None
) -> OpenedPhoto:
    """Open a photo, a row of `raw_images`, with its edges, a row of theirs.

    Raises:
        PhotoError: it gives no photo, or another than was catalogued.
    """
    size, edges = (photo["width"], photo["height"]), decode_edges(row) if row else None
    path, limit, known_by = path_of(photo, settings), settings.ingest.max_pixels, photo["content_id"]
    return open_photo(path, size, frames, edges, limit, content=content_of(photo), known_by=known_by)
