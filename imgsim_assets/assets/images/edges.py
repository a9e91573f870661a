"""The group `images`, second part: the edges of every photo."""

from typing import Any

import dagster as dg
import polars as pl

from imgsim_assets.assets.asset import asset
from imgsim_assets.assets.images.catalogue import distinct_photos
from imgsim_assets.assets.keeping import keep_table
from imgsim_assets.assets.keys import CANNY_MAPS, IMAGES, RAW_IMAGES
from imgsim_assets.fingerprint import digest
from imgsim_assets.resources.provenance import computed_by
from imgsim_assets.resources.store import Store
from imgsim_assets.settings import Settings
from imgsim_assets.storage.content_table import ContentTable
from imgsim_assets.vision.away import away_fact
from imgsim_assets.vision.canny import EDGES_SCHEMA
from imgsim_assets.vision.content import CONTENT_REVISION
from imgsim_assets.vision.content_names import EDGES_REVISION, canny_fingerprint
from imgsim_assets.vision.edge_pass import find_missing_edges
from imgsim_assets.vision.photo import DECODING_REVISION


def edges_table(store: Store, settings: Settings) -> ContentTable:
    """Find the edge maps by content id."""
    return store.content_table(canny_fingerprint(settings), EDGES_SCHEMA)


def edge_asset(settings: Settings) -> dg.AssetsDefinition:
    """Build the asset of the edges."""

    @asset(
        settings,
        CANNY_MAPS,
        computed_by(
            EDGES_REVISION,
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
        failures = find_missing_edges(settings, table, photos.filter(pl.col("content_id").is_in(new)))
        for name, reason in failures.items():
            context.log.warning(f"no edges for {name}: {reason}")
        away = [name for name, reason in failures.items() if not reason.lasts]
        ids = [one for one in photos["content_id"] if one not in failures]
        summary = pl.from_arrow(table.read(ids, ["content_id", "density", "left", "top", "right", "bottom"]))
        return keep_table(
            store,
            CANNY_MAPS,
            pl.DataFrame(summary),
            facts={"fingerprint": canny_fingerprint(settings), "ids": digest(ids), **away_fact(away, photos.height)},
            metadata={"computed": len(new) - len(failures), "failed": len(failures)},
        )

    return canny_maps
