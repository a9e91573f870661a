"""The group `delivery`, last part: the checked submission, and the publication that everything else was made for."""

import json
import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from imgsim_assets.assets.comparison import COMPARISON
from imgsim_assets.assets.evaluation import EVALUATION, GROUP, METRICS_FILE
from imgsim_assets.assets.images import RAW_IMAGES
from imgsim_assets.assets.indices import INDEX_FILE, LIBRARIES, index_key, neighbors_key
from imgsim_assets.assets.learning import METRIC_FILE, METRIC_HEAD
from imgsim_assets.assets.publishing import OWNERS, TABLE, open_table, publish
from imgsim_assets.assets.report import REPORT, REPORT_FILE
from imgsim_assets.assets.vectors import GALLERY, VECTORS_FILE
from imgsim_assets.fingerprint import fingerprint
from imgsim_assets.resources.store import Store
from imgsim_assets.retrieval.submission import check_submission, fallback_list, submission_bytes, submission_rows
from imgsim_assets.serving.bundle import BUNDLE, bundle_facts
from imgsim_assets.settings import Settings
from imgsim_assets.vision.photo import is_photo_name

SUBMISSION = "submission"
SUBMISSION_FILE = "submission.csv"
PUBLICATION = "publication"


def photos_to_answer(catalogue: pl.DataFrame) -> list[str]:
    """Name every test photo, quarantined ones included; a file that is no photo by name nor content is none."""
    test = catalogue.filter(pl.col("split") == "test")
    return [name for name, status in test.select("name", "status").iter_rows() if status == "ok" or is_photo_name(name)]


def delivery_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """Build the assets of this part."""
    return [_submission(settings), _publication(settings)]


def _submission(settings: Settings) -> dg.AssetsDefinition:
    chosen = settings.submission
    neighbors = neighbors_key(chosen.index)

    @dg.asset(
        key=SUBMISSION,
        group_name=GROUP,
        kinds={"csv"},
        owners=OWNERS,
        deps=[RAW_IMAGES, GALLERY, neighbors],
        code_version=fingerprint("submission/1", chosen),
    )
    def submission(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult[Any]:
        """For every test photo its most relevant train photos, best first; checked before it is published."""
        wanted = photos_to_answer(open_table(store, RAW_IMAGES))
        gallery = open_table(store, GALLERY)
        ranked = open_table(store, neighbors).filter(pl.col("rank") <= chosen.count).sort("query", "rank")
        lists = dict(ranked.group_by("query", maintain_order=True).agg("name").iter_rows())
        fallback = fallback_list(gallery["name"].to_list(), gallery["centrality"].to_numpy(), chosen)
        rows = submission_rows(wanted, lists, fallback, chosen)
        check_submission(rows, wanted, gallery["name"].to_list(), chosen)
        without = [name for name in wanted if name not in lists]
        if without:
            context.log.warning(f"{len(without)} test photos could not be read and got the fallback: {without[:5]}")
        return publish(
            store,
            SUBMISSION,
            lambda folder: _write(folder / SUBMISSION_FILE, submission_bytes(rows)),
            facts={"rows": rows.height},
            metadata={"dagster/row_count": rows.height, "fallbacks": len(without)},
        )

    return submission


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _publication(settings: Settings) -> dg.AssetsDefinition:
    @dg.asset(
        key=PUBLICATION,
        group_name=GROUP,
        kinds={"csv", "html"},
        owners=OWNERS,
        deps=[
            SUBMISSION,
            EVALUATION,
            REPORT,
            COMPARISON,
            GALLERY,
            METRIC_HEAD,
            *(index_key(library) for library in LIBRARIES),
        ],
        code_version=fingerprint("publication/1", bundle_facts(settings)),
    )
    def publication(context: dg.AssetExecutionContext, store: Store) -> dg.MaterializeResult[Any]:
        """The folder `published/` (submission.csv, report.html, metrics.json, search bundle), replaced as a whole."""

        def build(folder: Path) -> None:
            _copy(store, SUBMISSION, SUBMISSION_FILE, folder / SUBMISSION_FILE)
            _copy(store, EVALUATION, METRICS_FILE, folder / METRICS_FILE)
            _copy(store, REPORT, REPORT_FILE, folder / REPORT_FILE)
            bundle = folder / BUNDLE
            bundle.mkdir()
            _copy(store, GALLERY, TABLE, bundle / "gallery.parquet")
            _copy(store, GALLERY, VECTORS_FILE, bundle / "gallery.npy")
            _copy(store, METRIC_HEAD, METRIC_FILE, bundle / METRIC_FILE)
            _copy(store, COMPARISON, TABLE, bundle / "comparison.parquet")
            for library in LIBRARIES:
                _copy(store, index_key(library), INDEX_FILE, bundle / f"{library}.index")
            _write(bundle / "bundle.json", json.dumps(bundle_facts(settings), indent=2, sort_keys=True).encode())

        folder = store.publish(build)
        context.log.info(f"published {store.folder / 'published' / SUBMISSION_FILE}")
        return dg.MaterializeResult(
            data_version=dg.DataVersion(folder.name),
            metadata={
                "path": dg.MetadataValue.path(folder),
                "submission": dg.MetadataValue.path(folder / SUBMISSION_FILE),
            },
        )

    return publication


def _copy(store: Store, key: str, file: str, target: Path) -> None:
    shutil.copyfile(store.artefacts.open(key).path(file), target)


def delivery_checks(settings: Settings) -> list[dg.AssetChecksDefinition]:
    """Build the check of this part."""

    @dg.asset_check(asset=SUBMISSION, blocking=True, description="The file that was written keeps its specification.")
    def submission_is_valid(store: Store) -> dg.AssetCheckResult:
        """Read the written file back, as a stranger would, and hold it against the specification."""
        written = pl.read_csv(store.artefacts.open(SUBMISSION).path(SUBMISSION_FILE), infer_schema=False)
        wanted = photos_to_answer(open_table(store, RAW_IMAGES))
        check_submission(written, wanted, open_table(store, GALLERY)["name"].to_list(), settings.submission)
        return dg.AssetCheckResult(passed=True, metadata={"rows": written.height})

    return [submission_is_valid]
