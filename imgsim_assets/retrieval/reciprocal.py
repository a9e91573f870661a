"""Candidates re-ranked by how far their neighbourhoods overlap with the query's.

Source: Zhong, Zheng, Cao and Li, "Re-ranking Person Re-identification with k-reciprocal Encoding" (CVPR 2017). Here
neighbours are sought only among a query and its own candidates: cost and memory do not depend on the gallery's size.

Cosines and weights are multiples of a power of two so coarse that float64 adds them up without rounding. The answer
then depends neither on threads nor on the order of the candidates, and equal cosines tie.
"""

import numpy as np
import numpy.typing as npt

from imgsim_assets.retrieval.ann.protocol import MISSING, Ids, Vectors
from imgsim_assets.retrieval.descriptors import normalise
from imgsim_assets.retrieval.glrt import Floats
from imgsim_assets.threads import single_thread

Bools = npt.NDArray[np.bool_]

COORDINATE_STEP = 2.0**-26  # a product is a multiple of 2^-52, and a cosine at most 1: 53 bits
WEIGHT_STEP = 2.0**-40  # a sum of weights is at most the number of candidates or `k2`: below 2^13


def rerank(
    vectors: Vectors, queries: Vectors, candidates: Ids, k: int, *, k1: int = 20, k2: int = 6, share: float = 0.3
) -> tuple[Ids, Floats]:
    """Order each query's candidates by a mix of cosine distance and the Jaccard distance of neighbourhoods.

    Args:
        vectors: float32 [n, d], finite.
        queries: float32 [q, d], finite.
        candidates: int64 [q, c] rows of `vectors`, in any order, -1 for none; no row twice in a line.
        k: rows to keep.
        k1: neighbours, besides a vector itself, among which reciprocal ones are sought; at least 1.
        k2: nearest vectors, itself included, over which a neighbourhood is averaged; at least 1.
        share: of the cosine distance in the mix, 0..1; the Jaccard distance has the rest.

    Returns:
        int64 [q, k] rows, smallest mixed distance first, ties by falling inner product with the query, then by row
        number; -1 where there are no more. And float64 [q, k] minus the mixed distance, minus infinity there.

    Raises:
        ValueError: a candidate is not a row, not one line of them for each query, or a number is out of its range.
    """
    _check(len(vectors), candidates, k1, k2, share)
    ids = np.full((len(queries), k), MISSING, dtype=np.int64)
    scores = np.full((len(queries), k), -np.inf)
    with single_thread():  # for speed alone: threads would spend longer meeting than on products as small as these
        for place, (query, line) in enumerate(zip(queries, candidates, strict=True)):
            rows = np.sort(line[line != MISSING])
            found = vectors[rows]
            mixed = _mixed_distances(np.concatenate([query[None, :], found]), k1, k2, share)
            products = (found.astype(np.float64) * query).sum(axis=1)
            order = np.lexsort((rows, -products, mixed))[:k]
            ids[place, : len(order)] = rows[order]
            scores[place, : len(order)] = -mixed[order]
    return ids, scores


def _mixed_distances(members: Vectors, k1: int, k2: int, share: float) -> Floats:
    """Give the distances of the first of `members` [m, d] to all others: float64 [m - 1]."""
    units = _rounded(normalise(members), COORDINATE_STEP)
    cosines = units @ units.T
    distances = np.maximum(1.0 - cosines, 0.0)
    np.fill_diagonal(distances, 0.0)
    np.fill_diagonal(cosines, np.inf)  # everything is its own nearest, whatever copies it has
    order = np.argsort(-cosines, axis=1, kind="stable")
    weights = np.where(_neighbourhoods(order, k1), _rounded(np.exp(-distances), WEIGHT_STEP), 0.0)
    # As in the authors' code, not in the paper, all encodings add up to 1: large sets overlap much with anything.
    weights = _rounded(weights / weights.sum(axis=1, keepdims=True), WEIGHT_STEP)
    # Sums where the paper has means: the number, the same for all, cancels in the ratio below.
    encoded = _nearest(order, k2) @ weights
    shared = np.minimum(encoded[0], encoded[1:]).sum(axis=1)
    united = encoded[0].sum() + encoded[1:].sum(axis=1) - shared
    return np.asarray(share * distances[0, 1:] + (1.0 - share) * (1.0 - shared / united))


def _neighbourhoods(order: Ids, k1: int) -> Bools:
    """Tell which members are in the expanded k-reciprocal set of which: bool [m, m].

    The set of each reciprocal neighbour, half as deep, is taken in when two thirds of it are there already.
    """
    wide, narrow = _reciprocal(order, k1), _reciprocal(order, round(k1 / 2))
    counted = narrow.astype(np.float32)
    common = wide.astype(np.float32) @ counted.T
    agrees = wide & (3 * common >= 2 * counted.sum(axis=1))
    return np.asarray(wide | (agrees.astype(np.float32) @ counted > 0))


def _reciprocal(order: Ids, k: int) -> Bools:
    near = _nearest(order, k + 1)
    return near & near.T


def _nearest(order: Ids, count: int) -> Bools:
    """Turn ranked members [m, m] into the sets of their first `count`: bool [m, m]."""
    near = np.zeros(order.shape, dtype=np.bool_)
    np.put_along_axis(near, order[:, :count], values=True, axis=1)
    return near


def _rounded(values: Floats, step: float) -> Floats:
    return np.asarray(np.round(values / step) * step)


def _check(size: int, candidates: Ids, k1: int, k2: int, share: float) -> None:
    if candidates.size and (candidates.min() < MISSING or candidates.max() >= size):
        raise ValueError(f"candidates must be -1 or rows of {size} vectors")
    if min(k1, k2) < 1:
        raise ValueError(f"expected k1 and k2 of at least 1, found {k1} and {k2}")
    if not 0 <= share <= 1:
        raise ValueError(f"expected a share in 0..1, found {share}")
