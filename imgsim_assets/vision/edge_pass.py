"""The pass that finds the edges that are missing, by all threads."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import pyarrow as pa

from imgsim_assets.progress import track
from imgsim_assets.settings import Settings
from imgsim_assets.storage.content_table import ID, ContentTable
from imgsim_assets.threads import thread_count, worker_threads
from imgsim_assets.vision.canny import EDGES_SCHEMA, edges_of_file, encode_edges
from imgsim_assets.vision.photo_file import PhotoError, read_file
from imgsim_assets.vision.rows import content_of, path_of

EDGES_A_COMMIT = 256


def find_missing_edges(settings: Settings, table: ContentTable, photos: pl.DataFrame) -> dict[str, PhotoError]:
    """Find edges, and append them commit by commit, so that an interrupted run loses little.

    Args:
        settings: where the photos are, and how edges are found.
        table: of `EDGES_SCHEMA`, to append to.
        photos: rows of `raw_images`, those without edges.

    Returns:
        By content id why some have none: they are away, or changed since they were inspected.
    """
    failures: dict[str, PhotoError] = {}
    rows: list[dict[str, Any]] = []
    with worker_threads(thread_count(settings.runtime.threads), "imgsim-edges") as pool:
        found = pool.map(functools.partial(_edges_row, settings), photos.iter_rows(named=True))
        for content_id, row in track(found, "edges", total=photos.height):
            if isinstance(row, PhotoError):
                failures[content_id] = row
                continue
            rows.append(row)
            if len(rows) >= EDGES_A_COMMIT:
                _append_rows(table, rows)
                rows = []
    _append_rows(table, rows)
    return failures


def _edges_row(settings: Settings, photo: Mapping[str, Any]) -> tuple[str, dict[str, Any] | PhotoError]:
    content_id, limit = photo["content_id"], settings.ingest.max_pixels
    try:
        read = read_file(path_of(photo, settings), limit, content_id)
        edges = edges_of_file(read, (photo["width"], photo["height"]), content_of(photo), settings.canny, limit)
    except PhotoError as error:
        return content_id, error
    return content_id, {ID: content_id, **encode_edges(edges)}


def _append_rows(table: ContentTable, rows: Sequence[dict[str, Any]]) -> None:
    table.append(pa.Table.from_pylist(list(rows), schema=EDGES_SCHEMA))
