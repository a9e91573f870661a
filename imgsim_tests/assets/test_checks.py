"""Each check passes what is good, and warns of what is not."""

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from imgsim_assets.assets.checks import (
    index_recall,
    photos_can_be_read,
    ranking_beats_cosine,
    splits_share_no_photo,
    submission_is_valid,
)
from imgsim_assets.assets.delivery.evaluation import SUMMARY_FILE
from imgsim_assets.assets.keeping import TABLE
from imgsim_assets.assets.keys import COMPARISON, EVALUATION, GALLERY, RAW_IMAGES, SUBMISSION
from imgsim_assets.errors import ImgsimError
from imgsim_assets.resources.store import Store
from imgsim_assets.retrieval.evaluation import SUMMARY_COLUMNS
from imgsim_assets.settings_sources import load_settings
from imgsim_assets.storage.formats import write_table
from imgsim_assets.vision.content import CONTENT_COLUMNS


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(state=str(tmp_path))


def put(store: Store, key: str, table: pl.DataFrame, file: str = TABLE) -> None:
    store.artefacts.keep(key, lambda folder: write_table(folder / file, table), {})


def outcome(check: Callable[..., dg.AssetCheckResult], store: Store) -> tuple[bool, dg.AssetCheckSeverity]:
    result = check(store=store)
    return bool(result.passed), result.severity


def catalogue(count: int, quarantined: int = 0, copies: str = "") -> pl.DataFrame:
    """So many train photos, the first ones unusable, and one test photo that is a copy of the last, or near it."""
    names = [f"{number}.jpg" for number in range(count)] + ["asked.jpg"]
    last = count - 1
    return pl.DataFrame(
        {
            "split": ["train"] * count + ["test"],
            "name": names,
            "path": names,
            "status": ["quarantined"] * quarantined + ["ok"] * (count + 1 - quarantined),
            "label": ["cat"] * count + [None],
            "content_id": [*names[:-1], names[last] if copies == "exact" else "asked.jpg"],
            "near_duplicate_group": [*range(count), last if copies else count],
            **dict.fromkeys((*CONTENT_COLUMNS, "width", "height"), [0] * (count + 1)),
        }
    )


@pytest.mark.parametrize(("quarantined", "passed"), [(0, True), (9, True), (10, False), (60, False)])
def test_many_files_that_cannot_be_read_are_warned_of(store, quarantined, passed):
    put(store, RAW_IMAGES, catalogue(99, quarantined))
    assert outcome(photos_can_be_read, store) == (passed, dg.AssetCheckSeverity.WARN)


@pytest.mark.parametrize(("copies", "passed"), [("", True), ("exact", False), ("near", False)])
def test_copies_across_the_splits_are_warned_of(store, copies, passed):
    put(store, RAW_IMAGES, catalogue(10, copies=copies))
    assert outcome(splits_share_no_photo, store) == (passed, dg.AssetCheckSeverity.WARN)


def test_an_exact_and_a_near_copy_do_not_outweigh_each_other(store):
    table = catalogue(10, copies="exact")
    near = table.tail(1).with_columns(name=pl.lit("near.jpg"), path=pl.lit("near.jpg"), content_id=pl.lit("near.jpg"))
    put(store, RAW_IMAGES, pl.concat([table, near]))
    result = splits_share_no_photo(store=store)
    assert {name: one.value for name, one in result.metadata.items()} == {"exact_pairs": 1, "near_pairs": 1}
    assert not result.passed


@pytest.mark.parametrize("library", ["faiss", "annoy"])
@pytest.mark.parametrize(("recall", "passed"), [(1.0, True), (0.95, True), (0.949, False), (0.0, False)])
def test_an_index_that_finds_too_little_is_warned_of(store, library, recall, passed):
    """By its own recall: the other one has what would give the other outcome."""
    check = index_recall(library)
    libraries = ["faiss", "annoy"]
    found = [recall if one == library else 1.0 - float(passed) for one in libraries]
    put(store, COMPARISON, pl.DataFrame({"library": libraries, "recall_at_10": found}))
    assert outcome(check, store) == (passed, dg.AssetCheckSeverity.WARN)


@pytest.mark.parametrize(
    ("highs", "passed"), [([0.1], True), ([0.0], True), ([-0.01], False), ([0.1, -0.01], False), ([], True)]
)
def test_a_ranking_that_is_worse_than_cosine_is_warned_of(store, highs, passed):
    """Where the whole interval of the gain lies below zero, by any source of labels."""
    rows = [("solution", "served", 0.5, 0.4, -0.6, 10, 0)]
    rows += [("solution", "gain", high - 0.2, high - 0.4, high, 10, 0) for high in highs]
    put(store, EVALUATION, pl.DataFrame(rows, schema=SUMMARY_COLUMNS, orient="row"), SUMMARY_FILE)
    assert outcome(ranking_beats_cosine, store) == (passed, dg.AssetCheckSeverity.WARN)


def good_rows() -> list[str]:
    return ["image,recommendations", "asked.jpg," + " ".join(f"{number}.jpg" for number in range(10))]


@pytest.mark.parametrize(
    ("broken", "passed"),
    [
        (lambda rows: rows, True),
        (lambda rows: rows[:1], False),
        (lambda rows: [*rows, rows[1]], False),
        (lambda rows: [rows[0], rows[1].replace("0.jpg", "stranger.jpg")], False),
        (lambda rows: [rows[0], rows[1].replace("0.jpg", "1.jpg")], False),
        (lambda rows: [rows[0], rows[1].rsplit(" ", 1)[0]], False),
        (lambda rows: ["name,recommendations", rows[1]], False),
    ],
)
def test_a_submission_that_breaks_its_specification_stops_what_follows(store, broken, passed):
    settings = load_settings(environ={})
    check = submission_is_valid(settings)
    assert next(iter(check.check_specs)).blocking
    put(store, RAW_IMAGES, catalogue(12))
    put(store, GALLERY, pl.DataFrame({"name": [f"{number}.jpg" for number in range(12)]}))
    text = "\n".join(broken(good_rows())) + "\n"
    store.artefacts.keep(SUBMISSION, lambda folder: (folder / "submission.csv").write_text(text), {})
    if passed:
        assert outcome(check, store)[0]
    else:
        with pytest.raises(ImgsimError):
            check(store=store)
