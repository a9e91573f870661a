"""The group `images`, second part: the edges of every photo."""

from collections.abc import Sequence
from typing import Any

import dagster as dg
import polars as pl
import pyarrow as pa

from imgsim_assets.assets.asset import asset, computed_by
from imgsim_assets.assets.images.catalogue import content_fingerprint, distinct_photos
from imgsim_assets.assets.keys import CANNY_MAPS, IMAGES, RAW_IMAGES
from imgsim_assets.assets.publishing import away, publish_table
from imgsim_assets.fingerprint import digest, fingerprint
from imgsim_assets.progress import track
from imgsim_assets.resources.store import Store
from imgsim_assets.settings import Settings
from imgsim_assets.storage.content_table import ContentTable
from imgsim_assets.vision.canny import EDGES_SCHEMA, encode_edges, find_edges
from imgsim_assets.vision.content import CONTENT_REVISION
from imgsim_assets.vision.photo import DECODING_REVISION, PhotoError, decode_photo
from imgsim_assets.vision.rows import content_of, path_of

REVISION = "canny/2"
EDGES_A_COMMIT = 256


def canny_fingerprint(settings: Settings) -> str:
    """Name the edge maps: changes exactly when they would."""
    return fingerprint(REVISION, content_fingerprint(settings), settings.canny)


def edges_table(store: Store, settings: Settings) -> ContentTable:
    """Find the edge maps by content id."""
    return store.content_table(canny_fingerprint(settings), EDGES_SCHEMA)


def edge_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """Build the asset of this part."""
    return [_canny_maps(settings)]


def _canny_maps(settings: Settings) -> dg.AssetsDefinition:
    @asset(
        settings,
        CANNY_MAPS,
        computed_by(
            REVISION,
            canny=settings.canny,
            ingest={"trim": settings.ingest.trim},
            decoding=DECODING_REVISION,
            content=CONTENT_REVISION,
        ),
        group=IMAGES,
        kinds={"opencv", "lance"},
        deps=[RAW_IMAGES],
    )
    def canny_maps(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult[Any]:
        """Edge map, focus box and edge density of every photo's content, by OpenCV's Canny detector."""
        photos = distinct_photos(store)
        table = edges_table(store, settings)
        new = table.missing(photos["content_id"])
        failures = _find_missing_edges(settings, table, photos.filter(pl.col("content_id").is_in(new)))
        for name, reason in failures.items():
            context.log.warning(f"no edges for {name}: {reason}")
        gone = [name for name, reason in failures.items() if not reason.lasts]
        ids = [one for one in photos["content_id"] if one not in failures]
        summary = pl.from_arrow(table.read(ids, ["content_id", "density", "left", "top", "right", "bottom"]))
        return publish_table(
            store,
            CANNY_MAPS,
            pl.DataFrame(summary),
            facts={"fingerprint": canny_fingerprint(settings), "ids": digest(ids), **away(gone, photos.height)},
            metadata={"computed": len(new) - len(failures), "failed": len(failures)},
        )

    return canny_maps


def _find_missing_edges(settings: Settings, table: ContentTable, photos: pl.DataFrame) -> dict[str, PhotoError]:
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
