"""When what was learned is learned anew: not for each new photo, and at once where it rests on what no longer holds.

What is kept, and why each rests on more or less than another, is told in docs/staleness.md.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from imgsim_assets.retrieval.glrt import Ints
from imgsim_assets.settings import Settings

KNOWN_BY = ("split", "content_id", "label")


@dataclass(frozen=True)
class Renewal:
    """How much may change before something is learned anew.

    At most the `share`, 0..1, of the photos, and of the labelled ones, may have come, gone, or got another label. With
    `same_labels` no label may have come or gone; with `same_photos` no photo may be gone, have another label or other
    near-duplicates. A photo's name has no part in it.
    """

    share: float
    same_labels: bool = False
    same_photos: bool = False

    def stands(self, before: pl.DataFrame, now: pl.DataFrame) -> bool:
        """Tell whether what was learned from the photos `before` may go on serving the photos `now`.

        Args:
            before: those of `KNOWN_BY` that tell photos apart, `label` among them (null: none); with `same_photos`
                `near_duplicate_group` too.
            now: the same columns.
        """
        known_by = [name for name in KNOWN_BY if name in before.columns]
        before, now = before.unique(known_by, maintain_order=True), now.unique(known_by, maintain_order=True)
        came = now.join(before, on=known_by, nulls_equal=True, how="anti")
        gone = before.join(now, on=known_by, nulls_equal=True, how="anti")
        return (
            self._few(came.height + gone.height, before.height)
            and self._few(came["label"].count() + gone["label"].count(), before["label"].count())
            and (not self.same_labels or _labels(before) == _labels(now))
            and (not self.same_photos or (gone.is_empty() and _same_partition(before, now, known_by)))
        )

    def _few(self, changed: int, of: int) -> bool:
        return changed <= self.share * of


class RenewalPolicy(NamedTuple):
    """When each thing that stays for a while is made anew."""

    learning_set: Renewal
    networks: Renewal
    choice: Renewal


def renewal_policy(settings: Settings) -> RenewalPolicy:
    """Give the policy of these settings."""
    return RenewalPolicy(
        learning_set=Renewal(settings.learning.renewal, same_labels=True, same_photos=True),
        networks=Renewal(settings.fine_tuning.renewal, same_labels=True),
        choice=Renewal(settings.selection.renewal),
    )


def _labels(photos: pl.DataFrame) -> set[str]:
    return set(photos["label"].drop_nulls())


def _same_partition(before: pl.DataFrame, now: pl.DataFrame, known_by: list[str]) -> bool:
    both = before.join(now, on=known_by, nulls_equal=True, suffix="_now", maintain_order="left")
    groups, present = (_first_of_group(both[name]) for name in ("near_duplicate_group", "near_duplicate_group_now"))
    return bool((groups == present).all())


def _first_of_group(groups: pl.Series) -> Ints:
    """Name each group by its first row: int64 [n]."""
    _, first, group = np.unique(groups.to_numpy(), return_index=True, return_inverse=True)
    return np.asarray(first[group.ravel()], dtype=np.int64)
