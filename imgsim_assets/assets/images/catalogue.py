"""The group `images`, first part: the watched folder, its catalogue and the hidden labels."""

import warnings
from typing import Any

import dagster as dg
import polars as pl

from imgsim_assets.assets.asset import asset
from imgsim_assets.assets.keeping import PREVIEW_ROWS, TABLE, in_ui, keep_table, made_before, open_table
from imgsim_assets.assets.keys import IMAGE_FOLDER, IMAGES, RAW_IMAGES, SOLUTION
from imgsim_assets.resources.provenance import computed_by
from imgsim_assets.resources.store import Store
from imgsim_assets.retrieval.submission import require_answers
from imgsim_assets.settings import Settings
from imgsim_assets.storage.formats import read_table
from imgsim_assets.vision.catalogue import assemble_catalogue, catalogue_counts
from imgsim_assets.vision.catalogue_words import (
    counts_in_words,
    first_rows,
    ignored_in_words,
    lost_labels_in_words,
    quarantine,
)
from imgsim_assets.vision.content import CONTENT_REVISION
from imgsim_assets.vision.content_names import inspection_table
from imgsim_assets.vision.folder import folder_state, read_folder
from imgsim_assets.vision.inspection import (
    INSPECTION_SCHEMA,
    inspect_anew,
)
from imgsim_assets.vision.labels import LabelFile, read_solution
from imgsim_assets.vision.photo import DECODING_REVISION
from imgsim_assets.vision.rows import usable_photos

QUARANTINE_ROWS = 50


def observe_folder(settings: Settings) -> dg.DataVersion:
    """Name the present state of the folder of photos, without opening a file."""
    return dg.DataVersion(folder_state(settings.places.data, settings.ingest))


def distinct_photos(store: Store) -> pl.DataFrame:
    """Read the photos that can be decoded, one row for each content, in the order of content ids."""
    return usable_photos(open_table(store, RAW_IMAGES)).unique("content_id", keep="first").sort("content_id")


def image_assets(settings: Settings) -> list[dg.AssetsDefinition | dg.SourceAsset]:
    """Build the assets of this part."""
    return [_image_folder(settings), _raw_images(settings), _solution_labels(settings)]


def _image_folder(settings: Settings) -> dg.SourceAsset:
    with warnings.catch_warnings():
        # The decorator is marked beta; what is used of it is held by the staleness tests.
        warnings.simplefilter("ignore", dg.BetaWarning)

        @dg.observable_source_asset(
            name=IMAGE_FOLDER,
            group_name=IMAGES,
            tags={"dagster/kind/file": ""},
            description="The watched folder: train/, test/ and their label files, known by names, sizes and times. "
            "It is shown as it was when somebody last looked: the job `sync` looks, and makes what is stale.",
        )
        def image_folder() -> dg.DataVersion:
            return observe_folder(settings)

    return image_folder


def _raw_images(settings: Settings) -> dg.AssetsDefinition:
    ingest = settings.ingest

    @asset(
        settings,
        RAW_IMAGES,
        computed_by("raw_images/3", ingest=ingest, decoding=DECODING_REVISION, content=CONTENT_REVISION),
        group=IMAGES,
        kinds={"polars", "parquet"},
        deps=[IMAGE_FOLDER],
    )
    def raw_images(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult[Any]:
        """One row per file: content id, split, label or none, size and content, or why it is quarantined."""
        folder = read_folder(settings.places.data, ingest)
        kept = store.content_table(inspection_table(settings), INSPECTION_SCHEMA)
        identities, inspections, inspected = inspect_anew(folder.entries, kept, ingest, settings.runtime.threads)
        catalogue = assemble_catalogue(folder, identities, inspections, ingest.near_duplicate_bits)
        require_answers(catalogue, settings.submission)
        counts, refused = catalogue_counts(catalogue), quarantine(catalogue)
        context.log.info(counts_in_words(counts))
        for split, name, reason, detail in refused.iter_rows():
            context.log.info(f"quarantined {split}/{name}: {reason} ({detail})")
        before = made_before(store, RAW_IMAGES)
        lost = lost_labels_in_words(read_table(before.path(TABLE)), catalogue) if before else ""
        for warning in filter(None, (*folder.warnings, lost)):
            context.log.warning(warning)
        shown = {**counts, "inspected": inspected, "preview": in_ui(first_rows(catalogue, PREVIEW_ROWS))}
        if folder.ignored:
            context.log.info(f"passed over by ingest.ignore: {(told := ignored_in_words(folder.ignored))}")
            shown |= {"ignored": len(folder.ignored), "ignored_names": told}
        if refused.height:
            shown["quarantine"] = in_ui(refused.head(QUARANTINE_ROWS))
        return keep_table(store, RAW_IMAGES, catalogue, metadata=shown)

    return raw_images


def _solution_labels(settings: Settings) -> dg.AssetsDefinition:
    @asset(
        settings,
        SOLUTION,
        computed_by("solution_labels/1", ingest=settings.ingest),
        group=IMAGES,
        kinds={"polars", "parquet"},
        deps=[IMAGE_FOLDER],
    )
    def solution_labels(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult[Any]:
        """Hidden labels of test photos, if given; `evaluation`, `index_comparison` and the report alone read them."""
        names = read_folder(settings.places.data, settings.ingest).names("test")
        found = read_solution(settings.places.data, names, settings.ingest) or LabelFile({})
        for warning in found.warnings:
            context.log.warning(warning)
        table = pl.DataFrame(sorted(found.labels.items()), schema={"name": pl.String, "label": pl.String}, orient="row")
        # No preview: what is hidden stays out of the UI.
        return keep_table(store, SOLUTION, table, metadata={"preview": "hidden"})

    return solution_labels
