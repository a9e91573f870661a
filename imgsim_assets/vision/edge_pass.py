"""The edges of the photos that have none yet."""

from collections.abc import Sequence
from typing import Any

import polars as pl
import pyarrow as pa

from imgsim_assets.progress import track
from imgsim_assets.settings import Settings
from imgsim_assets.storage.content_table import ContentTable
from imgsim_assets.vision.canny import EDGES_SCHEMA, encode_edges, find_edges
from imgsim_assets.vision.photo import PhotoError, decode_photo
from imgsim_assets.vision.rows import content_of, path_of

EDGES_A_COMMIT = 256


def find_missing_edges(settings: Settings, table: ContentTable, photos: pl.DataFrame) -> dict[str, PhotoError]:
    """Find the edges of photos, and append them commit by commit.

    Args:
        settings: where photos are, and how edges are found.
        table: of `EDGES_SCHEMA`.
        photos: rows of `raw_images`.

    Returns:
        Why some have none, by content id: their files were away or changed since they were inspected.
    """
    failures: dict[str, PhotoError] = {}
    rows: list[dict[str, Any]] = []
    for row in track(photos.iter_rows(named=True), "edges", total=photos.height):
        try:
            photo = decode_photo(path_of(row, settings), settings.ingest.max_pixels, known_by=row["content_id"])
        except PhotoError as error:  # away or changed since it was inspected
            failures[row["content_id"]] = error
            continue
        edges = find_edges(content_of(row).of(photo, (row["width"], row["height"])), settings.canny)
        rows.append({"content_id": row["content_id"], **encode_edges(edges)})
        if len(rows) >= EDGES_A_COMMIT:
            _append_rows(table, rows)
            rows = []
    _append_rows(table, rows)
    return failures


def _append_rows(table: ContentTable, rows: Sequence[dict[str, Any]]) -> None:
    table.append(pa.Table.from_pylist(list(rows), schema=EDGES_SCHEMA))
