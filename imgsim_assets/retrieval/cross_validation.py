"""AP@10 of labelled train photos when the metric has not seen them, and what that earns over cosine."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from imgsim_assets.progress import track
from imgsim_assets.retrieval.ann.exact import exact_neighbours
from imgsim_assets.retrieval.average_precision import average_precision, relevance
from imgsim_assets.retrieval.class_sets import UNKNOWN
from imgsim_assets.retrieval.glrt import Floats, Ints
from imgsim_assets.retrieval.learning_set import Pool, guess_classes, learn, learning_mode, training_classes
from imgsim_assets.retrieval.ranking import gallery_vectors, query_vectors, rank
from imgsim_assets.settings import Evaluation, Head

LIST = 10


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
    pool: Pool, cosine: npt.NDArray[np.float32], groups: Ints, *, head: Head, confidence: float, evaluation: Evaluation
) -> CrossValidated | NotCrossValidated:
    """Rank every labelled photo against the labelled photos of the other folds.

    Its label is hidden first; then all that is learned from labels (guessed classes, metric, shrinkage, calibration)
    is learned anew. Near-duplicates are never on both sides.

    Args:
        pool: all photos.
        cosine: float32 [n, d], the plain descriptors of the same photos, norm 1.
        groups: int [n] near-duplicate group.
        head: settings of the head.
        confidence: guesses below it are not learned from.
        evaluation: settings of the split.
    """
    folds = evaluation.folds
    rows = np.flatnonzero(pool.classes != UNKNOWN)
    if len(np.unique(groups[rows])) < folds:
        return NotCrossValidated(f"{folds} folds need as many labelled photos that are no near-duplicates")
    if len(np.unique(pool.classes[rows])) == len(rows):
        return NotCrossValidated("no class has two labelled photos")
    truth = pool.classes[rows]
    fold = grouped_folds(truth, groups[rows], folds, evaluation.seed)
    scores, cosine_scores = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    for number in track(range(folds), "cross-validation", unit="fold"):
        asked, known = rows[fold == number], rows[fold != number]
        found = _found(_without_labels(pool, asked), asked, known, head, confidence)
        scores[fold == number] = _score(found, pool.classes[asked], pool.classes[known])
        nearest, _ = exact_neighbours(cosine[known], cosine[asked], LIST)
        cosine_scores[fold == number] = _score(nearest, pool.classes[asked], pool.classes[known])
    return CrossValidated(rows, scores, cosine_scores, fold)


def _without_labels(pool: Pool, rows: Ints) -> Pool:
    classes = pool.classes.copy()
    classes[rows] = UNKNOWN
    return replace(pool, classes=classes)


def _found(pool: Pool, asked: Ints, known: Ints, head: Head, confidence: float) -> Ints:
    if learning_mode(pool.classes[pool.is_train]) == "labelled":
        learned = pool.classes
    else:
        learned = training_classes(pool.classes, guess_classes(pool), pool.is_train, confidence)
    fitted = learn(pool, learned, head)
    gallery = gallery_vectors(fitted, pool.coordinates[known], pool.classes[known], head.pair_weight)
    return rank(gallery, query_vectors(fitted, pool.coordinates[asked]), LIST).ids


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
