"""The group `images`, first part: the watched folder, its catalogue and the hidden labels."""

import warnings
from collections.abc import Mapping
from typing import Any

import dagster as dg
import polars as pl

from imgsim_assets.assets.publishing import OWNERS, PREVIEW_ROWS, markdown_table, open_table, publish_table
from imgsim_assets.assets.versions import computed_by
from imgsim_assets.fingerprint import fingerprint
from imgsim_assets.resources.store import Store
from imgsim_assets.settings import Settings
from imgsim_assets.vision.catalogue import assemble_catalogue, catalogue_counts
from imgsim_assets.vision.content import CONTENT_COLUMNS, CONTENT_REVISION, Content, content_rule
from imgsim_assets.vision.folder import folder_state, read_folder
from imgsim_assets.vision.inspection import (
    INSPECTION_REVISION,
    INSPECTION_SCHEMA,
    from_table,
    identify_files,
    inspect_photos,
    to_table,
)
from imgsim_assets.vision.labels import read_solution
from imgsim_assets.vision.threads import thread_count

GROUP = "images"
IMAGE_FOLDER = "image_folder"
RAW_IMAGES = "raw_images"
SOLUTION = "solution_labels"
QUARANTINE_SHARE = 0.1
QUARANTINE_ROWS = 50


def observe_folder(settings: Settings) -> dg.DataVersion:
    """Name the present state of the folder of photos, without opening a file."""
    return dg.DataVersion(folder_state(settings.places.data))


def inspection_table(settings: Settings) -> str:
    """Name the content table of what is known of each photo."""
    return fingerprint(INSPECTION_REVISION, content_fingerprint(settings), settings.ingest.max_pixels)


def content_fingerprint(settings: Settings) -> str:
    """Name what is kept of photos: changes exactly when that would."""
    return content_rule(trim=settings.ingest.trim)


def content_of(photo: Mapping[str, Any]) -> Content:
    """Give the content of a photo, a row of `raw_images`."""
    return Content(*(photo[name] for name in CONTENT_COLUMNS))


def usable_photos(catalogue: pl.DataFrame) -> pl.DataFrame:
    """Keep the photos that can be decoded, in the catalogue's order (split, name)."""
    return catalogue.filter(pl.col("status") == "ok")


def distinct_photos(store: Store) -> pl.DataFrame:
    """Read the photos that can be decoded, one row for each content, in the order of content ids."""
    return usable_photos(open_table(store, RAW_IMAGES)).unique("content_id", keep="first").sort("content_id")


def image_assets(settings: Settings) -> list[dg.AssetsDefinition | dg.SourceAsset]:
    """Build the assets of this part."""
    return [_image_folder(settings), _raw_images(settings), _solution_labels(settings)]


def image_checks() -> list[dg.AssetChecksDefinition]:
    """Build the checks of this part."""
    return [photos_can_be_read, splits_share_no_photo]


def _image_folder(settings: Settings) -> dg.SourceAsset:
    with warnings.catch_warnings():
        # The decorator is marked beta; what is used of it is held by the staleness tests.
        warnings.simplefilter("ignore", dg.BetaWarning)

        @dg.observable_source_asset(
            name=IMAGE_FOLDER,
            group_name=GROUP,
            tags={"dagster/kind/file": ""},
            description="The watched folder: train/, test/ and their label files, known by names, sizes and times.",
        )
        def image_folder() -> dg.DataVersion:
            return observe_folder(settings)

    return image_folder


def _raw_images(settings: Settings) -> dg.AssetsDefinition:
    ingest = settings.ingest

    @dg.asset(
        key=RAW_IMAGES,
        group_name=GROUP,
        kinds={"polars", "parquet"},
        owners=OWNERS,
        deps=[IMAGE_FOLDER],
        **computed_by("raw_images/2", ingest=ingest, content=CONTENT_REVISION),
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
        counts = catalogue_counts(catalogue)
        _tell(context, catalogue, counts)
        shown = {**counts, "inspected": len(inspected), "preview": markdown_table(_preview(catalogue))}
        refused = catalogue.filter(pl.col("status") != "ok").select("split", "name", "reason", "detail")
        if refused.height:
            shown["quarantine"] = markdown_table(refused.head(QUARANTINE_ROWS))
        return publish_table(store, RAW_IMAGES, catalogue, metadata=shown)

    return raw_images


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
    @dg.asset(
        key=SOLUTION,
        group_name=GROUP,
        kinds={"polars", "parquet"},
        owners=OWNERS,
        deps=[IMAGE_FOLDER],
        **computed_by("solution_labels/1", ingest=settings.ingest),
    )
    def solution_labels(store: Store) -> dg.MaterializeResult[Any]:
        """The hidden labels of test photos, where they are given; only `evaluation` and the report may read them."""
        names = read_folder(settings.places.data, settings.ingest).names("test")
        labels = read_solution(settings.places.data, names, settings.ingest) or {}
        table = pl.DataFrame(sorted(labels.items()), schema={"name": pl.String, "label": pl.String}, orient="row")
        # No preview: what is hidden stays out of the UI.
        return publish_table(store, SOLUTION, table, metadata={"preview": "hidden"})

    return solution_labels


@dg.asset_check(asset=RAW_IMAGES, description=f"Less than {QUARANTINE_SHARE:.0%} of the files are quarantined.")
def photos_can_be_read(store: Store) -> dg.AssetCheckResult:
    """Warn where so many files are unusable that something else is likely wrong."""
    counts = catalogue_counts(open_table(store, RAW_IMAGES))
    share = counts["quarantined"] / counts["files"]
    return dg.AssetCheckResult(
        passed=share < QUARANTINE_SHARE,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"quarantined": counts["quarantined"], "share": share},
    )


@dg.asset_check(asset=RAW_IMAGES, description="No test photo is an exact or near copy of a train photo.")
def splits_share_no_photo(store: Store) -> dg.AssetCheckResult:
    """Warn of leakage: a test photo that is also a train photo flatters every score."""
    counts = catalogue_counts(open_table(store, RAW_IMAGES))
    exact, near = counts["cross_split_exact_pairs"], counts["cross_split_near_pairs"]
    return dg.AssetCheckResult(
        passed=exact + near == 0,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"exact_pairs": exact, "near_pairs": near},
    )
