"""Which photos the head learns from, and as which class."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from imgsim_assets.retrieval.class_sets import UNKNOWN
from imgsim_assets.retrieval.clusters import MOSTLY_LABELLED, Clusters
from imgsim_assets.retrieval.glrt import Floats, Ints
from imgsim_assets.retrieval.metric_head import MetricHead, fit_head
from imgsim_assets.retrieval.principal import PrincipalAxes
from imgsim_assets.retrieval.pseudo_labels import PseudoLabels, pseudo_labels
from imgsim_assets.settings import Head

Mode = Literal["labelled", "partly labelled", "unlabelled"]


@dataclass(frozen=True)
class Pool:
    """All photos, row for row, as learning sees them.

    `axes` made the `coordinates` float64 [n, k]; `diffused` is float64 [n, p]; `classes` int64 [n] is -1 for a photo
    without label and for every test photo; `is_train` bool [n].
    """

    axes: PrincipalAxes
    coordinates: Floats
    diffused: Floats
    clusters: Clusters
    classes: Ints
    is_train: npt.NDArray[np.bool_]


def learning_mode(train_classes: Ints) -> Mode:
    """Tell from the classes of the train photos (-1: none): at least half, some, or none of them carry a label."""
    labelled = int((train_classes != UNKNOWN).sum())
    if not labelled:
        return "unlabelled"
    return "labelled" if labelled >= MOSTLY_LABELLED * len(train_classes) else "partly labelled"


def guess_classes(pool: Pool) -> PseudoLabels:
    """Guess the classes of the photos of `pool` that carry no label."""
    return pseudo_labels(pool.coordinates, pool.diffused, pool.clusters, pool.classes)


def training_classes(classes: Ints, guessed: PseudoLabels, is_train: npt.NDArray[np.bool_], threshold: float) -> Ints:
    """Take labels where there are any, and guesses where the confidence reaches `threshold`.

    Where most train photos are labelled nothing is guessed: it has nothing to add that is worth its errors. If fewer
    than two classes are left all guesses are taken: a metric needs something to tell apart.

    Args:
        classes: int64 [n], -1 for none.
        guessed: of the same photos.
        is_train: bool [n].
        threshold: in 0..1.

    Returns:
        int64 [n], -1 for photos that are not learned from.
    """
    sure = (guessed.confidence >= threshold) & (learning_mode(classes[is_train]) != "labelled")
    chosen = np.where(classes != UNKNOWN, classes, np.where(sure, guessed.classes, UNKNOWN))
    return guessed.classes if len(np.unique(chosen[chosen != UNKNOWN])) < 2 else chosen


def learn(pool: Pool, learned: Ints, chosen: Head) -> MetricHead:
    """Fit a head on the photos of `pool` whose `learned` class, int64 [n], is not -1."""
    taken = learned != UNKNOWN
    return fit_head(pool.axes, pool.coordinates[taken], learned[taken], chosen)
