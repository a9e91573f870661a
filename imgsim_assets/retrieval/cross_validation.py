"""AP@10 of labelled train photos by what has not seen their labels: the judge of every recipe."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from imgsim_assets.progress import track
from imgsim_assets.retrieval.ann.exact import ExactIndex, exact_neighbours
from imgsim_assets.retrieval.ann.protocol import LIST
from imgsim_assets.retrieval.ann.search import search
from imgsim_assets.retrieval.average_precision import average_precision, relevance
from imgsim_assets.retrieval.glrt import Floats, Ints
from imgsim_assets.retrieval.label_codec import UNKNOWN
from imgsim_assets.retrieval.learning_set import Pool, learned_classes
from imgsim_assets.retrieval.metric_head import MetricHead, fit_head
from imgsim_assets.retrieval.ranking import gallery_vectors, query_vectors
from imgsim_assets.retrieval.recipe import Recipe
from imgsim_assets.retrieval.side_by_side import side_by_side


@dataclass(frozen=True)
class Folds:
    """The labelled photos that are asked, int64 [m] rows of the pool, and the fold of each, int64 [m]."""

    rows: Ints
    numbers: Ints
    count: int

    def asked(self, number: int) -> Ints:
        """Rows whose labels are hidden in fold `number`."""
        return np.asarray(self.rows[self.numbers == number])

    def known(self, number: int) -> Ints:
        """Rows that can be found in fold `number`."""
        return np.asarray(self.rows[self.numbers != number])


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

    def of_fold(number: int) -> Floats:
        hidden = pool.classes.copy()
        hidden[folds.asked(number)] = UNKNOWN
        learned = learned_classes(replace(pool, classes=hidden), recipe, confidence)
        taken = learned != UNKNOWN
        said = pool.scores_of(taken)
        head = fit_head(pool.axes, pool.coordinates[taken], learned[taken], recipe, class_scores=said)
        return score_fold(pool, folds, number, head)

    numbers = range(folds.count)
    scores = np.full(len(folds.rows), np.nan)
    found = track(side_by_side(of_fold, numbers), "cross-validation", total=folds.count, unit="fold")
    for number, of_asked in zip(numbers, found, strict=True):
        scores[folds.numbers == number] = of_asked
    return scores


def score_fold(pool: Pool, folds: Folds, number: int, head: MetricHead) -> Floats:
    """Rank what fold `number` asks by a head that has not seen its labels: float64 [m] AP@10."""
    asked, known = folds.asked(number), folds.known(number)
    gallery = gallery_vectors(head, pool.coordinates[known], pool.classes[known], pool.scores_of(known))
    queries = query_vectors(head, pool.coordinates[asked], gallery, pool.scores_of(asked))
    found = search(ExactIndex(gallery), gallery, queries, LIST, reciprocal=head.recipe.reciprocal).ids
    return average_precision(*relevance(found, pool.classes[asked], pool.classes[known]), LIST)


def score_cosine(descriptors: npt.NDArray[np.float32], classes: Ints, folds: Folds) -> Floats:
    """Rank by the inner product of descriptors [n, d] (norm 1) alone: float64 [m] AP@10."""
    scores = np.full(len(folds.rows), np.nan)
    for number in range(folds.count):
        asked, known = folds.asked(number), folds.known(number)
        found, _ = exact_neighbours(descriptors[known], descriptors[asked], LIST)
        scores[folds.numbers == number] = average_precision(*relevance(found, classes[asked], classes[known]), LIST)
    return scores


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
