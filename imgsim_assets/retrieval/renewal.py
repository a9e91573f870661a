"""When what was learned is learned anew: not for each new photo, and at once where it rests on what no longer holds."""

import numpy as np
import polars as pl

from imgsim_assets.retrieval.glrt import Ints
from imgsim_assets.retrieval.label_codec import UNKNOWN

KNOWN_BY = ("split", "content_id", "label")


def still_stands(taken: pl.DataFrame, present: pl.DataFrame, renewal: float) -> bool:
    """Tell whether what was learned from the photos `taken` may go on serving the `present` ones.

    Each photo that was learned from must still be there, with its label, and have the same near-duplicates. What came
    since may be at most the share `renewal` of all photos, and of the labelled ones, and bring no new label. A photo's
    name has no part in it.

    Args:
        taken: `split`, `content_id`, `label` (null: none), together unique, and `near_duplicate_group`.
        present: the same columns.
        renewal: 0..1; 0: any new photo is learned from at once.
    """
    both = taken.join(present, on=KNOWN_BY, nulls_equal=True, suffix="_now", maintain_order="left")
    if both.height < taken.height or not _same_partition(both):
        return False
    came = present.join(taken, on=KNOWN_BY, nulls_equal=True, how="anti")
    few = came.height <= renewal * taken.height and came["label"].count() <= renewal * taken["label"].count()
    return few and set(came["label"].drop_nulls()) <= set(taken["label"].drop_nulls())


def _same_partition(both: pl.DataFrame) -> bool:
    before, now = (_first_of_group(both[name]) for name in ("near_duplicate_group", "near_duplicate_group_now"))
    return bool((before == now).all())


def _first_of_group(groups: pl.Series) -> Ints:
    """Name each group by its first row: int64 [n]."""
    _, first, group = np.unique(groups.to_numpy(), return_index=True, return_inverse=True)
    return np.asarray(first[group.ravel()], dtype=np.int64)


def with_classes(photos: pl.DataFrame, training: pl.DataFrame) -> pl.DataFrame:
    """Give photos the class that they were learned as; one that came later has the class of its label, or none (-1).

    Args:
        photos: `split`, `name`, `content_id`, `label`.
        training: `split`, `content_id`, `label`, `class`, `class_number` of what was learned from, or left out (-1).

    Returns:
        `name`, `content_id`, `label`, `class` (null: none), `class_number`, in the order of `photos`.
    """
    learned = photos.join(training, on=KNOWN_BY, how="left", nulls_equal=True, maintain_order="left")
    numbers = training.select("label", of_label="class_number").drop_nulls().unique("label")
    return learned.join(numbers, on="label", how="left", maintain_order="left").select(
        "name",
        "content_id",
        "label",
        pl.coalesce("class", "label").alias("class"),
        pl.coalesce("class_number", "of_label", pl.lit(UNKNOWN)).alias("class_number"),
    )
