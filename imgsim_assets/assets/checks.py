"""What is checked of assets once they are made; a blocking check holds back what lies below."""

import dagster as dg
import polars as pl

from imgsim_assets.assets.delivery.evaluation import open_summary
from imgsim_assets.assets.keeping import open_table
from imgsim_assets.assets.keys import COMPARISON, EVALUATION, GALLERY, RAW_IMAGES, SUBMISSION
from imgsim_assets.resources.store import Store
from imgsim_assets.retrieval.ann.protocol import LIBRARIES, NAMES
from imgsim_assets.retrieval.submission import check_submission
from imgsim_assets.serving import layout
from imgsim_assets.settings import Settings
from imgsim_assets.vision.catalogue import catalogue_counts, photos_to_answer

QUARANTINE_SHARE = 0.1
LEAST_RECALL = 0.95


def asset_checks(settings: Settings) -> list[dg.AssetChecksDefinition]:
    """List the checks of all assets."""
    return [
        photos_can_be_read,
        splits_share_no_photo,
        *map(index_recall, LIBRARIES),
        ranking_beats_cosine,
        submission_is_valid(settings),
    ]


@dg.asset_check(asset=RAW_IMAGES, description=f"Less than {QUARANTINE_SHARE:.0%} of the files are quarantined.")
def photos_can_be_read(store: Store) -> dg.AssetCheckResult:
    """Warn where so many files are unusable that something else is likely wrong."""
    counts = catalogue_counts(open_table(store, RAW_IMAGES))
    share = counts["quarantined"] / counts["files"]
    return _warning(share < QUARANTINE_SHARE, {"quarantined": counts["quarantined"], "share": share})


@dg.asset_check(asset=RAW_IMAGES, description="No test photo is an exact or near copy of a train photo.")
def splits_share_no_photo(store: Store) -> dg.AssetCheckResult:
    """Warn of leakage: a test photo that is also a train photo flatters every score."""
    counts = catalogue_counts(open_table(store, RAW_IMAGES))
    exact, near = counts["cross_split_exact_pairs"], counts["cross_split_near_pairs"]
    return _warning(exact + near == 0, {"exact_pairs": exact, "near_pairs": near})


def index_recall(library: str) -> dg.AssetChecksDefinition:
    """Build the check that warns where a library's index finds too little of what exact search finds."""

    @dg.asset_check(
        asset=COMPARISON,
        name=f"{library}_recall",
        description=f"{NAMES[library]} finds at least {LEAST_RECALL:.0%} of what exact search finds.",
    )
    def recall(store: Store) -> dg.AssetCheckResult:
        table = open_table(store, COMPARISON)
        found = float(table.filter(pl.col("library") == library)["recall_at_10"].item())
        return _warning(found >= LEAST_RECALL, {"recall_at_10": found})

    return recall


@dg.asset_check(asset=EVALUATION, description="The learned ranking is not worse than plain cosine.")
def ranking_beats_cosine(store: Store) -> dg.AssetCheckResult:
    """Warn where the interval of the gain over plain cosine lies below zero."""
    gains = open_summary(store).filter(pl.col("ranking") == "gain")
    worst = float(gains["high"].min()) if gains.height else 0.0  # type: ignore[arg-type]
    return _warning(worst >= 0, {"worst_upper_bound_of_gain": worst})


def submission_is_valid(settings: Settings) -> dg.AssetChecksDefinition:
    """Build the check that reads the written file back, as a stranger would."""

    @dg.asset_check(
        asset=SUBMISSION,
        name="submission_is_valid",
        blocking=True,
        description="The file that was written keeps its specification.",
    )
    def is_valid(store: Store) -> dg.AssetCheckResult:
        written = pl.read_csv(store.artefacts.open(SUBMISSION).path(layout.SUBMISSION), infer_schema=False)
        wanted = photos_to_answer(open_table(store, RAW_IMAGES))
        check_submission(written, wanted, open_table(store, GALLERY)["name"].to_list(), settings.submission)
        return dg.AssetCheckResult(passed=True, metadata={"rows": written.height})

    return is_valid


def _warning(passed: bool, metadata: dict[str, int | float]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=passed, severity=dg.AssetCheckSeverity.WARN, metadata=metadata)
