"""Photos that are learned from, and those among them that are kept back to ask."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imgsim_assets.retrieval.folds import grouped_folds
from imgsim_assets.retrieval.glrt import Floats, Ints

Mask = npt.NDArray[np.bool_]

ASKED_A_FOLD = 2000


@dataclass(frozen=True)
class Examples:
    """Photos with the classes that they are learned, or asked, as.

    `coordinates` are float64 [n, k], `classes` int64 [n], `groups` int64 [n] near-duplicate groups. `class_scores` is
    float [n, m], where there are any: what fine-tuned networks that have not learned from a photo say of it.
    """

    coordinates: Floats
    classes: Ints
    groups: Ints
    class_scores: Floats | None = None

    @classmethod
    def apart(cls, coordinates: Floats, classes: Ints, class_scores: Floats | None = None) -> "Examples":
        """Take photos that are no near-duplicates of each other."""
        return cls(coordinates, classes, np.arange(len(classes)), class_scores)

    def only(self, rows: Ints | Mask) -> "Examples":
        """Take some of the photos."""
        scores = None if self.class_scores is None else self.class_scores[rows]
        return Examples(self.coordinates[rows], self.classes[rows], self.groups[rows], scores)

    def kept_back(self, folds: int) -> Iterator[tuple[Mask, Ints]]:
        """Give, fold by fold, which photos are learned from, bool [n], and the rows that are asked.

        Of the others those are asked whose class is learned, 2000 of them at most; near-duplicates are never on both
        sides. A fold that asks none, or learns one class only, is left out.
        """
        fold_of = grouped_folds(self.classes, self.groups, folds, seed=None)
        for fold in range(folds):
            learned = fold_of != fold
            asked = np.flatnonzero(np.isin(self.classes, self.classes[learned]) & ~learned)
            if len(np.unique(self.classes[learned])) > 1 and len(asked):
                yield learned, asked[:: -(-len(asked) // ASKED_A_FOLD)]
