"""What a person is told of a catalogue, and of the folder that it was made from."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import polars as pl

from imgsim_assets.vision.folder import SPLITS

NAMES_SHOWN = 10


def counts_in_words(counts: Mapping[str, int]) -> str:
    """Say what `catalogue_counts` gave."""
    return (
        f"{counts['train']} train and {counts['test']} test photos, {counts['labelled']} labelled, "
        f"{counts['classes']} classes, {counts['quarantined']} quarantined"
    )


def quarantine(catalogue: pl.DataFrame) -> pl.DataFrame:
    """Give the files that are not used: `split`, `name`, `reason`, `detail`."""
    return catalogue.filter(pl.col("status") != "ok").select("split", "name", "reason", "detail")


def first_rows(catalogue: pl.DataFrame, count: int) -> pl.DataFrame:
    """Give the first rows of each split, with the columns that tell most."""
    rows = catalogue.select("split", "name", "label", "width", "height", "status")
    return pl.concat([rows.filter(pl.col("split") == split).head(count) for split in SPLITS])


def ignored_in_words(ignored: Sequence[str]) -> str:
    """Count what was passed over, by name, the most frequent first: `12 @eaDir/, 1 Thumbs.db`."""
    names = Counter(PurePosixPath(path).name + "/" * path.endswith("/") for path in ignored)
    said = [f"{count} {name}" for name, count in sorted(names.items(), key=lambda one: (-one[1], one[0]))]
    return ", ".join(said[:NAMES_SHOWN]) + (f" and {len(said) - NAMES_SHOWN} other names" if said[NAMES_SHOWN:] else "")


def lost_labels_in_words(before: pl.DataFrame, now: pl.DataFrame) -> str:
    """Say how many train photos had a label in the catalogue `before`, and have none now; empty: none."""
    labelled = before.filter(pl.col("label").is_not_null())
    photos = now.filter(pl.col("split") == "train", pl.col("label").is_null())
    lost = photos.join(labelled, on=["split", "name"], how="semi").height
    return f"{lost} of {labelled.height} train photos that had a label have none any more" if lost else ""
