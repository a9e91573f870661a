"""AP@10 of labelled train photos when the metric has not seen them, and what that earns over cosine."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imgsim_assets.progress import track
from imgsim_assets.retrieval.ann.exact import exact_neighbours
from imgsim_assets.retrieval.average_precision import average_precision, relevance
from imgsim_assets.retrieval.glrt import Floats, Ints
from imgsim_assets.retrieval.ranking import gallery_vectors, query_vectors, rank
from imgsim_assets.retrieval.shrinkage import fit_metric
from imgsim_assets.settings import Evaluation, Head

LIST = 10
UNKNOWN = -1


@dataclass(frozen=True)
class CrossValidated:
    """Per labelled photo, in the order of `rows`: float64 AP@10 by the metric and by plain cosine, and its fold.

    NaN where a photo has no photo of its class, outside its own near-duplicate group, in the other folds.
    """

    rows: Ints
    scores: Floats
    cosine_scores: Floats
    folds: Ints


@dataclass(frozen=True)
class NotCrossValidated:
    """Why there is no estimate, in words for a person."""

    reason: str


def cross_validate(
    descriptors: npt.NDArray[np.floating], classes: Ints, groups: Ints, head: Head, evaluation: Evaluation
) -> CrossValidated | NotCrossValidated:
    """Rank every labelled photo against the labelled photos of the other folds.

    Metric, shrinkage included, is fitted on the other folds only. Near-duplicates are never on both sides.

    Args:
        descriptors: [n, d] of train photos, norm 1.
        classes: int [n] true labels; -1 for none: such photos take no part.
        groups: int [n] near-duplicate group.
        head: settings of the metric.
        evaluation: settings of the split.
    """
    folds = evaluation.folds
    rows = np.flatnonzero(classes != UNKNOWN)
    if len(np.unique(groups[rows])) < folds:
        return NotCrossValidated(f"{folds} folds need as many labelled photos that are no near-duplicates")
    if len(np.unique(classes[rows])) == len(rows):
        return NotCrossValidated("no class has two labelled photos")
    vectors, truth = np.asarray(descriptors)[rows], classes[rows]
    fold = grouped_folds(truth, groups[rows], folds, evaluation.seed)
    scores, cosine = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    for number in track(range(folds), "cross-validation", unit="fold"):
        asked = fold == number
        metric = fit_metric(vectors[~asked], truth[~asked], head.shrinkage)
        gallery = gallery_vectors(metric, vectors[~asked], truth[~asked], head.pair_weight)
        found = rank(gallery, query_vectors(metric, vectors[asked]), LIST).ids
        scores[asked] = _score(found, truth[asked], truth[~asked])
        plain = vectors.astype(np.float32)
        nearest, _ = exact_neighbours(plain[~asked], plain[asked], LIST)
        cosine[asked] = _score(nearest, truth[asked], truth[~asked])
    return CrossValidated(rows, scores, cosine, fold)


def grouped_folds(classes: Ints, groups: Ints, folds: int, seed: int) -> Ints:
    """Deal near-duplicate groups out to folds, class by class, so that classes are spread evenly.

    A group goes whole to one fold, by the class of its first photo.

    Returns:
        int64 [n] in 0..folds-1; every fold has a photo where there are as many groups.
    """
    _, first, member = np.unique(groups, return_index=True, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(first))
    order = order[np.argsort(classes[first][order], kind="stable")]
    fold_of_group = np.empty(len(first), dtype=np.int64)
    fold_of_group[order] = np.arange(len(first)) % folds
    return fold_of_group[member]


def _score(found: Ints, asked: Ints, gallery: Ints) -> Floats:
    return average_precision(*relevance(found, asked, gallery), LIST)
