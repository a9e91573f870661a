"""When what was learned is learned anew: not for each new photo, and at once where it rests on what no longer holds."""

import numpy as np
import polars as pl

from imgsim_assets.retrieval.glrt import Ints

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
