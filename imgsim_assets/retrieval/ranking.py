"""From descriptors to the vectors that both indices serve, and the exact ranking they are judged by."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imgsim_assets.retrieval.ann.exact import exact_neighbours
from imgsim_assets.retrieval.class_sets import gallery_features, query_features
from imgsim_assets.retrieval.glrt import GlrtMetric, Ints
from imgsim_assets.retrieval.single_thread import single_thread

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Ranking:
    """int64 [q, k] gallery rows, best first, -1 where the gallery is smaller, and their float32 scores."""

    ids: Ints
    scores: npt.NDArray[np.float32]


def gallery_vectors(
    metric: GlrtMetric, descriptors: npt.NDArray[np.floating], classes: Ints, pair_weight: float
) -> Vectors:
    """Turn gallery descriptors [n, d] with classes int [n] (-1: unknown) into float32 [n, 2r + 1]."""
    with single_thread():
        return gallery_features(metric.project(descriptors), classes, metric.between, pair_weight)


def query_vectors(metric: GlrtMetric, descriptors: npt.NDArray[np.floating]) -> Vectors:
    """Turn query descriptors [q, d] into float32 [q, 2r + 1]; inner products with the gallery are log ratios."""
    with single_thread():
        return query_features(metric.project(descriptors), metric.between)


def rank(gallery: Vectors, queries: Vectors, k: int) -> Ranking:
    """Rank every gallery vector for each query by inner product, ties by row number, and keep k."""
    return Ranking(*exact_neighbours(gallery, queries, k))
