"""From what was learned to the vectors that both indices serve, and the exact ranking they are judged by."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imgsim_assets.retrieval.ann.exact import exact_neighbours
from imgsim_assets.retrieval.class_sets import UNKNOWN
from imgsim_assets.retrieval.glrt import Floats, Ints
from imgsim_assets.retrieval.metric_head import MetricHead

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Ranking:
    """int64 [q, k] gallery rows, best first, -1 where the gallery is smaller, and their float32 scores."""

    ids: Ints
    scores: npt.NDArray[np.float32]


def gallery_vectors(head: MetricHead, coordinates: Floats, labels: Ints, pair_weight: float) -> Vectors:
    """Turn gallery photos into the vectors that queries are compared with.

    Args:
        head: what was learned.
        coordinates: float64 [n, k].
        labels: int [n] known classes; -1 for a photo without label, which counts by its posterior.
        pair_weight: of the likeness, which orders photos whose class is equally probable.

    Returns:
        float32 [n, c + r]: class membership, then likeness.
    """
    membership = head.posterior(coordinates)
    known = np.flatnonzero(labels != UNKNOWN)
    membership[known] = labels[known, None] == head.classes
    return _joined(membership, pair_weight * head.likeness(coordinates))


def query_vectors(head: MetricHead, coordinates: Floats) -> Vectors:
    """Turn queries [q, k] into float32 [q, c + r] whose inner products with the gallery rank it.

    The inner product is the probability that both photos show one class, sum over c of p(c | query) p(c | photo),
    plus the weighted likeness of the two: ranking by the probability of relevance (Robertson 1977).
    """
    return _joined(head.posterior(coordinates), head.likeness(coordinates))


def rank(gallery: Vectors, queries: Vectors, k: int) -> Ranking:
    """Rank every gallery vector for each query by inner product, ties by row number, and keep k."""
    return Ranking(*exact_neighbours(gallery, queries, k))


def _joined(probabilities: Floats, likeness: Floats) -> Vectors:
    return np.concatenate([probabilities, likeness], axis=1).astype(np.float32)
