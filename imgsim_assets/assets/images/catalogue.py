"""The group `images`, first part: the watched folder, its catalogue and the hidden labels."""

import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import dagster as dg
import polars as pl

from imgsim_assets.assets.asset import asset, computed_by
from imgsim_assets.assets.keys import IMAGE_FOLDER, IMAGES, RAW_IMAGES, SOLUTION
from imgsim_assets.assets.publishing import PREVIEW_ROWS, in_ui, open_table, publish_table
from imgsim_assets.errors import ArtefactError
from imgsim_assets.fingerprint import fingerprint
from imgsim_assets.resources.store import Store
from imgsim_assets.retrieval.submission import require_answers
from imgsim_assets.settings import Settings
from imgsim_assets.vision.catalogue import assemble_catalogue, catalogue_counts
from imgsim_assets.vision.content import CONTENT_REVISION, content_rule
from imgsim_assets.vision.folder import folder_state, read_folder
from imgsim_assets.vision.inspection import (
    INSPECTION_REVISION,
    INSPECTION_SCHEMA,
    from_table,
    identify_files,
    inspect_photos,
    to_table,
)
from imgsim_assets.vision.labels import LabelFile, read_solution
from imgsim_assets.vision.photo import DECODING_REVISION
from imgsim_assets.vision.rows import usable_photos
from imgsim_assets.vision.threads import thread_count

QUARANTINE_ROWS = 50
NAMES_SHOWN = 10


def observe_folder(settings: Settings) -> dg.DataVersion:
    """Name the present state of the folder of photos, without opening a file."""
    return dg.DataVersion(folder_state(settings.places.data, settings.ingest))


def inspection_table(settings: Settings) -> str:
    """Name the content table of what is known of each photo."""
    return fingerprint(INSPECTION_REVISION, content_fingerprint(settings), settings.ingest.max_pixels)


def content_fingerprint(settings: Settings) -> str:
    """Name what is kept of photos: changes exactly when that would."""
    return content_rule(trim=settings.ingest.trim)


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
        threads = thread_count(settings.runtime.threads)
        folder = read_folder(settings.places.data, ingest)
        identities = identify_files(folder.entries, threads)
        kept = store.content_table(inspection_table(settings), INSPECTION_SCHEMA)
        present = [one.content_id for one in identities if one.content_id is not None]
        new = set(kept.missing(present))
        known = from_table(kept.read([one for one in dict.fromkeys(present) if one not in new]))
        inspected = inspect_photos(folder.entries, identities, known, ingest, threads)
        kept.append(to_table([one for one in inspected if one.lasts]))
        inspections = known | {one.content_id: one for one in inspected}
        catalogue = assemble_catalogue(folder, identities, inspections, ingest.near_duplicate_bits)
        require_answers(catalogue, settings.submission)
        counts = catalogue_counts(catalogue)
        lost = _labels_lost(store, catalogue)
        _tell(context, catalogue, counts)
        for warning in (*folder.warnings, *([lost] if lost else [])):
            context.log.warning(warning)
        shown = {**counts, "inspected": len(inspected), "preview": in_ui(_preview(catalogue))}
        if folder.ignored:
            context.log.info(f"passed over by ingest.ignore: {(told := ignored_in_words(folder.ignored))}")
            shown |= {"ignored": len(folder.ignored), "ignored_names": told}
        refused = catalogue.filter(pl.col("status") != "ok").select("split", "name", "reason", "detail")
        if refused.height:
            shown["quarantine"] = in_ui(refused.head(QUARANTINE_ROWS))
        return publish_table(store, RAW_IMAGES, catalogue, metadata=shown)

    return raw_images


def ignored_in_words(ignored: Sequence[str]) -> str:
    """Count what was passed over, by name, the most frequent first: `12 @eaDir/, 1 Thumbs.db`."""
    names = Counter(PurePosixPath(path).name + "/" * path.endswith("/") for path in ignored)
    said = [f"{count} {name}" for name, count in sorted(names.items(), key=lambda one: (-one[1], one[0]))]
    return ", ".join(said[:NAMES_SHOWN]) + (f" and {len(said) - NAMES_SHOWN} other names" if said[NAMES_SHOWN:] else "")


def _labels_lost(store: Store, catalogue: pl.DataFrame) -> str | None:
    """Say how many train photos had a label when they were last catalogued, and have none now."""
    try:
        before = open_table(store, RAW_IMAGES).filter(pl.col("label").is_not_null())
    except ArtefactError:
        return None
    photos = catalogue.filter(pl.col("split") == "train", pl.col("label").is_null())
    lost = photos.join(before, on=["split", "name"], how="semi").height
    return f"{lost} of {before.height} train photos that had a label have none any more" if lost else None


def _preview(catalogue: pl.DataFrame) -> pl.DataFrame:
    rows = catalogue.select("split", "name", "label", "width", "height", "status")
    return pl.concat([rows.filter(pl.col("split") == split).head(PREVIEW_ROWS) for split in ("train", "test")])


def _tell(context: dg.AssetExecutionContext, catalogue: pl.DataFrame, counts: dict[str, int]) -> None:
    context.log.info(
        f"{counts['train']} train and {counts['test']} test photos, {counts['labelled']} labelled, "
        f"{counts['classes']} classes, {counts['quarantined']} quarantined"
    )
    refused = catalogue.filter(pl.col("status") != "ok")
    for split, name, reason, detail in refused.select("split", "name", "reason", "detail").iter_rows():
        context.log.info(f"quarantined {split}/{name}: {reason} ({detail})")


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
        """The hidden labels of test photos, where they are given; only `evaluation` and the report may read them."""
        names = read_folder(settings.places.data, settings.ingest).names("test")
        found = read_solution(settings.places.data, names, settings.ingest) or LabelFile({})
        for warning in found.warnings:
            context.log.warning(warning)
        table = pl.DataFrame(sorted(found.labels.items()), schema={"name": pl.String, "label": pl.String}, orient="row")
        # No preview: what is hidden stays out of the UI.
        return publish_table(store, SOLUTION, table, metadata={"preview": "hidden"})

    return solution_labels
