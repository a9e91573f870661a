"""Which photos the head learns from, and as which class."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from imgsim_assets.retrieval.clusters import MOSTLY_LABELLED, Clusters
from imgsim_assets.retrieval.examples import Examples
from imgsim_assets.retrieval.glrt import Floats, Ints
from imgsim_assets.retrieval.label_codec import UNKNOWN
from imgsim_assets.retrieval.principal import PrincipalAxes
from imgsim_assets.retrieval.pseudo_labels import PseudoLabels, pseudo_labels
from imgsim_assets.retrieval.recipe import Recipe

Mode = Literal["labelled", "partly labelled", "unlabelled"]


@dataclass(frozen=True)
class Pool:
    """All photos, row for row, as learning sees them.

    `axes` made the `coordinates` float64 [n, k]; `diffused` is float64 [n, p]; `classes` int64 [n] is -1 for a photo
    without label and for every test photo; `groups` int64 [n] are near-duplicate groups; `is_train` bool [n].
    `class_scores` is float [n, m], where there are any: what fine-tuned networks that have not learned from a photo say
    of it.
    """

    axes: PrincipalAxes
    coordinates: Floats
    diffused: Floats
    clusters: Clusters
    classes: Ints
    groups: Ints
    is_train: npt.NDArray[np.bool_]
    class_scores: Floats | None = None

    def scores_of(self, rows: Ints | npt.NDArray[np.bool_]) -> Floats | None:
        """Give the class scores of some photos; None: there are none."""
        return None if self.class_scores is None else self.class_scores[rows]

    def without(self, rows: Ints | npt.NDArray[np.bool_]) -> "Pool":
        """Hide the labels of some photos."""
        classes = self.classes.copy()
        classes[rows] = UNKNOWN
        return replace(self, classes=classes)

    @property
    def examples(self) -> Examples:
        """All photos as they are labelled."""
        return Examples(self.coordinates, self.classes, self.groups, self.class_scores)

    def learned_as(self, learned: Ints) -> Examples:
        """Take the photos that are learned from, as `learned` int64 [n] says (-1: not at all)."""
        return replace(self.examples, classes=learned).only(learned != UNKNOWN)


def learning_mode(train_classes: Ints) -> Mode:
    """Tell from the classes of the train photos (-1: none): at least half, some, or none of them carry a label."""
    labelled = int((train_classes != UNKNOWN).sum())
    if not labelled:
        return "unlabelled"
    return "labelled" if labelled >= MOSTLY_LABELLED * len(train_classes) else "partly labelled"


def guess_classes(pool: Pool) -> PseudoLabels:
    """Guess the classes of the photos of `pool` that carry no label."""
    known = 0 if pool.class_scores is None else pool.class_scores.shape[1]
    return pseudo_labels(pool.coordinates, pool.diffused, pool.clusters, pool.classes, pool.groups, known=known)


def learned_classes(pool: Pool, recipe: Recipe, threshold: float) -> Ints:
    """Say which photos of `pool` are learned from, and as which class: int64 [n], -1 for those that are not.

    Labels count always; guesses where the recipe asks for them and their confidence reaches `threshold`, 0..1.
    """
    enough = len(np.unique(pool.classes[pool.classes != UNKNOWN])) > 1
    return (
        pool.classes if enough and not recipe.pseudo_labels else training_classes(pool, guess_classes(pool), threshold)
    )


def lesson_of_fold(pool: Pool, folds: Ints, fold: int, threshold: float) -> Ints:
    """Say what a network learns that shall not know the photos of one fold: int64 [n], -1 for what it does not.

    Labels of the other folds' photos, and guesses of them made without the labels of the fold.

    Args:
        pool: all photos.
        folds: int [n], the fold of each.
        fold: the one that is left out.
        threshold: guesses below it are not learned, 0..1; nor are clusters without a name.
    """
    blind = pool.without(folds == fold)
    guessed = guess_classes(blind)
    sure = (blind.classes != UNKNOWN) | (guessed.confidence >= threshold)
    named = guessed.classes <= blind.classes.max()
    return np.where(sure & named & (folds != fold), guessed.classes, UNKNOWN)


def training_classes(pool: Pool, guessed: PseudoLabels, threshold: float) -> Ints:
    """Take labels where there are any, and guesses of the same photos where the confidence reaches `threshold`.

    If fewer than two classes are left all guesses are taken: a metric needs something to tell apart.
    """
    known = pool.classes != UNKNOWN
    chosen = np.where(known | (guessed.confidence >= threshold), guessed.classes, UNKNOWN)
    return guessed.classes if len(np.unique(chosen[chosen != UNKNOWN])) < 2 else chosen
