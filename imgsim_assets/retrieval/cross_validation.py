"""AP@10 of labelled train photos by what has not seen their labels: what every recipe is scored by."""

import numpy as np
import numpy.typing as npt

from imgsim_assets.progress import track
from imgsim_assets.retrieval.ann.exact import ExactIndex, exact_neighbours
from imgsim_assets.retrieval.ann.protocol import LIST
from imgsim_assets.retrieval.ann.search import search
from imgsim_assets.retrieval.average_precision import average_precision, relevance
from imgsim_assets.retrieval.folds import Folds
from imgsim_assets.retrieval.glrt import Floats, Ints
from imgsim_assets.retrieval.learning_set import Pool, learned_classes
from imgsim_assets.retrieval.metric_head import MetricHead
from imgsim_assets.retrieval.ranking import gallery_vectors, query_vectors
from imgsim_assets.retrieval.recipe import Recipe
from imgsim_assets.retrieval.side_by_side import side_by_side
from imgsim_assets.retrieval.tuning import fit_head


def cross_validate(pool: Pool, folds: Folds, recipe: Recipe, confidence: float) -> Floats:
    """Rank every asked photo against the labelled photos of the other folds: float64 [m] AP@10.

    Its label is hidden first; then all that is learned from labels (guessed classes, metric, shrinkage, calibration)
    is learned anew. NaN where a photo has no photo of its class in the other folds.

    Args:
        pool: all photos, in the recipe's coordinates.
        folds: of the same photos.
        recipe: how photos are ranked.
        confidence: guesses below it are not learned from.
    """

    def of_fold(fold: int) -> Floats:
        learned = learned_classes(pool.without(folds.asked(fold)), recipe, confidence)
        return score_fold(pool, folds, fold, fit_head(pool.axes, pool.learned_as(learned), recipe))

    scores = np.full(len(folds.rows), np.nan)
    found = track(side_by_side(of_fold, range(folds.count)), "cross-validation", total=folds.count, unit="fold")
    for fold, of_asked in enumerate(found):
        scores[folds.fold_of == fold] = of_asked
    return scores


def score_fold(pool: Pool, folds: Folds, fold: int, head: MetricHead) -> Floats:
    """Rank what a fold asks by a head that has not seen its labels: float64 [m] AP@10."""
    asked, known = folds.asked(fold), folds.known(fold)
    gallery = gallery_vectors(head, pool.coordinates[known], pool.classes[known], pool.scores_of(known))
    queries = query_vectors(head, pool.coordinates[asked], gallery, pool.scores_of(asked))
    found = search(ExactIndex(gallery), gallery, queries, LIST, reciprocal=head.recipe.reciprocal).ids
    return average_precision(*relevance(found, pool.classes[asked], pool.classes[known]), LIST)


def score_cosine(descriptors: npt.NDArray[np.float32], classes: Ints, folds: Folds) -> Floats:
    """Rank by the inner product of descriptors [n, d] (norm 1) alone: float64 [m] AP@10."""
    scores = np.full(len(folds.rows), np.nan)
    for fold in range(folds.count):
        asked, known = folds.asked(fold), folds.known(fold)
        found, _ = exact_neighbours(descriptors[known], descriptors[asked], LIST)
        scores[folds.fold_of == fold] = average_precision(*relevance(found, classes[asked], classes[known]), LIST)
    return scores
