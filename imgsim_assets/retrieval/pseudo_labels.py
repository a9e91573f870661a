"""Classes for photos without a label: from the labels around them, or else from the cluster they fall in.

This is CPLFPA's idea (Zhang et al., arXiv 2410.05773): clusters and confident guesses become classes, and the
distributions are estimated again with them. What follows is imgsim's own form of it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imgsim_assets.retrieval.clusters import Clusters
from imgsim_assets.retrieval.descriptors import normalise
from imgsim_assets.retrieval.examples import Examples
from imgsim_assets.retrieval.glrt import Floats, Ints
from imgsim_assets.retrieval.label_codec import UNKNOWN
from imgsim_assets.retrieval.principal import PrincipalAxes
from imgsim_assets.retrieval.recipe import Recipe
from imgsim_assets.retrieval.tuning import fit_head

DIFFUSION_SHARE = 0.5
GUESSING = Recipe(views={}, dimensions=1, shrinkage="auto", pair_weight=0.0, evidence="glrt", likeness="metric")


@dataclass(frozen=True)
class PseudoLabels:
    """int64 [n] classes of all photos, given or guessed, and the confidence in each, float64 [n] in 0..1.

    Clusters without a label follow the classes that have a name: their number is the first above those, plus the
    cluster's own.
    """

    classes: Ints
    confidence: Floats


def pseudo_labels(
    coordinates: Floats, diffused: Floats, clusters: Clusters, classes: Ints, groups: Ints, *, known: int = 0
) -> PseudoLabels:
    """Give every photo a class.

    A labelled photo keeps its class, with confidence 1. Another whose cluster holds a labelled photo gets the most
    probable class by a GLRT head on coordinates and diffusion coordinates joined, with its calibrated probability.
    One whose cluster holds no labelled photo gets the cluster as a class of its own, with its membership.

    Args:
        coordinates: float64 [n, k] of all photos, train and test.
        diffused: float64 [n, p], their diffusion coordinates.
        clusters: of all photos.
        classes: int64 [n]; -1 for photos without a label, and always for test photos.
        groups: int64 [n] near-duplicate groups.
        known: classes below this number have a name, whether a photo carries it here or not.
    """
    labelled = classes != UNKNOWN
    first = max(int(classes.max(initial=UNKNOWN)) + 1, known)
    found, confidence = first + clusters.numbers, clusters.membership.copy()
    if labelled.any():
        near = np.isin(clusters.numbers, clusters.numbers[labelled])
        guessed, probability = _propagated(coordinates, diffused, classes, groups, labelled)
        found, confidence = np.where(near, guessed, found), np.where(near, probability, confidence)
    return PseudoLabels(np.where(labelled, classes, found), np.where(labelled, 1.0, confidence))


def _propagated(
    coordinates: Floats, diffused: Floats, classes: Ints, groups: Ints, labelled: npt.NDArray[np.bool_]
) -> tuple[Ints, Floats]:
    joined = normalise(np.concatenate([normalise(coordinates), DIFFUSION_SHARE * diffused], axis=1))
    nothing = np.zeros(0, dtype=np.float32)
    named = Examples(joined, classes, groups).only(labelled)
    head = fit_head(PrincipalAxes(nothing, nothing, np.zeros(0)), named, GUESSING)
    posterior = head.posterior(joined)
    return head.classes[posterior.argmax(axis=1)], posterior.max(axis=1)
