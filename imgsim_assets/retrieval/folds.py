"""Folds of labelled photos: each asks some, whose labels are hidden, and lets the others be found."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imgsim_assets.retrieval.glrt import Ints
from imgsim_assets.retrieval.label_codec import UNKNOWN


@dataclass(frozen=True)
class Folds:
    """The labelled photos that are asked, int64 [m] rows of the pool, and the fold of each, int64 [m]."""

    rows: Ints
    fold_of: Ints
    count: int

    def asked(self, fold: int) -> Ints:
        """Rows whose labels are hidden in a fold."""
        return np.asarray(self.rows[self.fold_of == fold])

    def known(self, fold: int) -> Ints:
        """Rows that can be found in a fold."""
        return np.asarray(self.rows[self.fold_of != fold])


@dataclass(frozen=True)
class NotCrossValidated:
    """Why there is no estimate, in words for a person."""

    reason: str


def deal_folds(
    classes: Ints, groups: Ints, count: int, seed: int, left_out: npt.NDArray[np.bool_] | None = None
) -> Folds | NotCrossValidated:
    """Deal the labelled photos out to folds; near-duplicates are never on both sides.

    Args:
        classes: int [n], -1 for none.
        groups: int [n] near-duplicate group.
        count: of the folds.
        seed: of the deal.
        left_out: bool [n], photos that take no part at all.
    """
    taken = classes != UNKNOWN
    rows = np.flatnonzero(taken if left_out is None else taken & ~left_out)
    if len(np.unique(groups[rows])) < count:
        return NotCrossValidated(f"{count} folds need as many labelled photos that are no near-duplicates")
    if len(np.unique(classes[rows])) == len(rows):
        return NotCrossValidated("no class has two labelled photos")
    return Folds(rows, grouped_folds(classes[rows], groups[rows], count, seed), count)


def grouped_folds(classes: Ints, groups: Ints, folds: int, seed: int | None) -> Ints:
    """Deal near-duplicate groups out to folds, class by class, so that classes are spread evenly.

    A group goes whole to one fold, by the class of its first photo.

    Args:
        classes: int [n].
        groups: int [n] near-duplicate group.
        folds: how many.
        seed: of the order in which the groups of a class are dealt; None: as their first photos stand.

    Returns:
        int64 [n] in 0..folds-1; every fold has a photo where there are as many groups.
    """
    _, first, member = np.unique(groups, return_index=True, return_inverse=True)
    order = np.argsort(first) if seed is None else np.random.default_rng(seed).permutation(len(first))
    order = order[np.argsort(classes[first][order], kind="stable")]
    fold_of_group = np.empty(len(first), dtype=np.int64)
    fold_of_group[order] = np.arange(len(first)) % folds
    return fold_of_group[member]
